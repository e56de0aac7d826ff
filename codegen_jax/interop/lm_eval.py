"""A checkpoint as lm-evaluation-harness asks for it.

import lm_eval
import codegen_jax.interop.lm_eval  # lets it know the model codegen_jax

lm_eval.simple_evaluate("codegen_jax", "workdir=runs/mine", tasks=["piqa"])

Or lm-eval's own command line, with all its flags:

python -m codegen_jax.interop.lm_eval -M codegen_jax -a workdir=runs/mine --tasks piqa
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
import json
import os
import pathlib
import sys
from typing import Any, NoReturn

from lm_eval.api.instance import Instance
from lm_eval.api.model import TemplateLM
from lm_eval.api.registry import register_model
from lm_eval.models.utils import normalize_gen_kwargs
from lm_eval.utils import get_rolling_token_windows, make_disjoint_window, simple_parse_args_string

from codegen_jax.data.special_tokens import END_OF_TEXT
from codegen_jax.data.vocabulary import ByteLevelBPE
from codegen_jax.did_you_mean import suggestion
from codegen_jax.errors import InputError
from codegen_jax.inference.language_model import LanguageModel
from codegen_jax.inference.likelihood import Pair
from codegen_jax.inference.requests import Request
from codegen_jax.inference.settings import SamplingConfig
from codegen_jax.quiet import quiet

AT_ONCE = 256  # requests between two looks of its cache
ARGUMENTS = ("workdir", "checkpoint", "gin_file", "max_length", "batch_size", "seed")
NUMBERS = {"max_length": 1, "batch_size": 1, "seed": 0}  # and the least that each may be
# A task's generation_kwargs, after `normalize_gen_kwargs`: other names of max_gen_toks are gone.
DRAWING = ("top_p", "top_k")
GENERATION = ("until", "do_sample", "temperature", "max_gen_toks", *DRAWING)


@register_model("codegen_jax")
class CodegenJax(TemplateLM):
  """Scores and completes what lm-eval asks.

  Text is encoded as everywhere here: <|endoftext|> in a task's text is eleven characters and more,
  never the token.

  Args:
    model: a checkpoint.
    vocabulary: that it was trained with.
    max_length: tokens of an input, as lm-eval counts them: a context loses what is too much at its
      beginning.  None reads all of it, as `suite.run` does.
    window: tokens that are read at once of a text whose likelihood is asked as a whole, unless
      max_length is less.  None reads it all at once.
    batch_size: rows at once, or a few more that devices share evenly.  No answer depends on it.
    seed: of drawn completions.
  """

  def __init__(
    self,
    model: LanguageModel,
    vocabulary: ByteLevelBPE,
    *,
    max_length: int | None = None,
    window: int | None = None,
    batch_size: int = 16,
    seed: int = 0,
  ):
    super().__init__()
    self._model, self._vocabulary = model, vocabulary
    self.max_length, self._window = max_length, min(filter(None, (max_length, window)), default=0)
    self.batch_size, self._seed = model.batch_size(batch_size), seed

  @classmethod
  def create_from_arg_string(
    cls, arg_string: str, additional_config: dict[str, Any] | None = None
  ) -> "CodegenJax":
    """See `create_from_arg_obj`."""
    return cls.create_from_arg_obj(simple_parse_args_string(arg_string), additional_config)

  @classmethod
  def create_from_arg_obj(
    cls, arg_dict: dict[str, Any], additional_config: dict[str, Any] | None = None
  ) -> "CodegenJax":
    """The newest checkpoint of a `workdir`, or `checkpoint`, as model_args name it.

    `gin_file` is what trained it, by default the workdir's own config.gin; a window is as long as
    the rows that it was trained on.

    Raises:
      InputError: there is no such argument, it cannot be what it is, or there is no checkpoint.
    """
    from codegen_jax import config as gin_config
    from codegen_jax import measure
    from codegen_jax.run_config import RunConfig

    given = {name: value for name, value in (additional_config or {}).items() if value is not None}
    given = dict(arg_dict) | {k: v for k, v in given.items() if k == "batch_size"}
    for name in given:
      if name not in ARGUMENTS:
        raise InputError(f"codegen_jax has no model argument {name!r}{suggestion(name, ARGUMENTS)}")
    folders = [str(given.pop(name)) for name in ("workdir", "checkpoint") if name in given]
    if len(folders) != 1:
      raise InputError(
        f"model_args name {' and '.join(folders) or 'no workdir'}; name one, e.g. workdir=runs/mine"
      )
    workdir = pathlib.Path(folders[0])
    gin_file = pathlib.Path(given.pop("gin_file", workdir / "config.gin"))
    settings: dict[str, Any] = {name: _number(name, value) for name, value in given.items()}
    if not gin_file.is_file():
      raise InputError(f"there is no {gin_file}; name the file that trained the run as gin_file")
    config = gin_config.load(RunConfig, [str(gin_file)], ()).config
    model, vocabulary = measure.load_model(config, workdir)
    return cls(model, vocabulary, window=config.train.data.seq_len, **settings)

  @property
  def eot_token_id(self) -> int:
    return self._vocabulary.special_id(END_OF_TEXT)

  def tok_encode(
    self, string: str, add_special_tokens: bool | None = None, **kwargs: Any
  ) -> list[int]:
    return list(self._vocabulary.encode(string))

  def loglikelihood_rolling(
    self, requests: list[Instance], disable_tqdm: bool = False
  ) -> list[float]:
    """Of whole texts, after <|endoftext|>."""
    answers = []
    for first in range(0, len(requests), AT_ONCE):
      part = requests[first : first + AT_ONCE]
      windows = [list(self._windows(self.tok_encode(*request.args))) for request in part]
      scored = iter(self._scored([pair for of_text in windows for pair in of_text]))
      for request, of_text in zip(part, windows, strict=True):
        answers.append(sum((next(scored)[0] for _ in of_text), 0.0))
        self.cache_hook.add_partial("loglikelihood_rolling", request.args, answers[-1])
    return answers

  def generate_until(self, requests: list[Instance], disable_tqdm: bool = False) -> list[str]:
    """Completions, cut before the first of a task's stop strings.

    Repeats of a request are samples of their own; a sample depends on the seed, the name of its
    task, the number of its document and its own number.

    Raises:
      InputError: a task asks for what cannot be done, before anything is generated.
    """
    groups: dict[str, list[int]] = {}
    for number, request in enumerate(requests):
      groups.setdefault(json.dumps(request.args[1], sort_keys=True), []).append(number)
    configs = [
      _sampling(json.loads(kwargs), batch_size=self.batch_size, seed=self._seed)
      for kwargs in groups
    ]
    named = list(self._named(requests, [_max_new_tokens(one.args[1]) for one in requests]))
    texts = [""] * len(requests)
    for config, numbers in zip(configs, groups.values(), strict=True):
      asked = {named[number]: number for number in numbers}
      for completion in self._model.generate(list(asked), config):
        number = asked[completion.request]
        texts[number] = completion.text
        self.cache_hook.add_partial("generate_until", requests[number].args, completion.text)
    return texts

  def _loglikelihood_tokens(
    self, requests: Sequence[tuple[tuple[str, str], list[int], list[int]]], **kwargs: Any
  ) -> list[tuple[float, bool]]:
    answers = []
    for first in range(0, len(requests), AT_ONCE):
      part = requests[first : first + AT_ONCE]
      pairs = [self._cut(context, continuation) for _, context, continuation in part]
      for (texts, _, _), answer in zip(part, self._scored(pairs), strict=True):
        answers.append(answer)
        self.cache_hook.add_partial("loglikelihood", texts, answer)
    return answers

  def _scored(self, pairs: Sequence[Pair]) -> list[tuple[float, bool]]:
    return [
      (-float(one.nats.sum(dtype="float64")), bool(one.is_greedy.all()))
      for one in self._model.log_likelihood(pairs, batch_size=self.batch_size)
    ]

  def _cut(self, context: list[int], continuation: list[int]) -> Pair:
    """The last token of a continuation is predicted and not read, so it is one more."""
    context = context or [self.eot_token_id]
    if self.max_length is None:
      return context, continuation
    if len(continuation) > self.max_length:
      raise InputError(
        f"a continuation has {len(continuation)} tokens, more than max_length ({self.max_length});"
        " raise it"
      )
    return context[-(self.max_length + 1 - len(continuation)) :], continuation

  def _windows(self, ids: list[int]) -> Iterator[Pair]:
    length = self._window or max(len(ids), 1)
    windows = get_rolling_token_windows(ids, self.prefix_token_id, length, context_len=1)
    yield from map(make_disjoint_window, windows)

  def _named(self, requests: Sequence[Instance], new_tokens: Sequence[int]) -> Iterator[Request]:
    samples: Counter[tuple[str, str]] = Counter()
    for request, new in zip(requests, new_tokens, strict=True):
      context = request.args[0]
      problem = context if request.doc_id is None else str(request.doc_id)
      name = (request.task_name or "lm_eval", problem)
      ids = self.tok_encode(context) or [self.eot_token_id]
      if self.max_length is not None:
        if new >= self.max_length:
          raise InputError(
            f"{name[0]} asks for {new} new tokens and max_length is {self.max_length}; give"
            " max_gen_toks that leave room for a prompt"
          )
        ids = ids[new - self.max_length :]
      yield Request(*name, samples[name], tuple(ids))
      samples[name] += 1


def _number(name: str, value: Any) -> int | None:
  """A model argument, which lm-eval's command line may hand on as text."""
  if value is None and name == "max_length":
    return None
  if str(value).isdecimal() and int(value) >= NUMBERS[name]:
    return int(value)
  unless = ", or None for no limit" if name == "max_length" else ""
  raise InputError(f"{name} is {value}; it must be a number of at least {NUMBERS[name]}{unless}")


def _max_new_tokens(kwargs: Mapping[str, Any]) -> int:
  return normalize_gen_kwargs(dict(kwargs))["max_gen_toks"]


def _sampling(kwargs: Mapping[str, Any], *, batch_size: int, seed: int) -> SamplingConfig:
  """What a task's generation_kwargs mean; without a temperature a completion is greedy."""
  given: Mapping[str, Any] = normalize_gen_kwargs(dict(kwargs))
  for name in given:
    if name not in GENERATION:
      raise InputError(
        f"a task sets {name} in its generation_kwargs, which codegen_jax has not"
        f"{suggestion(name, GENERATION)}"
      )
  temperature = float(given.get("temperature", 1.0 if given["do_sample"] else 0.0))
  # As transformers reads them: what is greedy draws nothing.
  drawing = {name: given[name] for name in DRAWING if name in given} if temperature else {}
  return SamplingConfig(
    temperature=temperature,
    max_new_tokens=given["max_gen_toks"],
    stop_strings=tuple(given["until"]),
    batch_size=batch_size,
    seed=seed,
    **drawing,
  )


def run() -> NoReturn:
  """lm-eval's command line; what a user can act on is a sentence and exit code 2, as elsewhere."""
  from lm_eval.__main__ import cli_evaluate

  # Its bootstrap forks, which a process with JAX's threads does not bear.
  os.environ.setdefault("DISABLE_MULTIPROC", "1")
  quiet()
  try:
    cli_evaluate()
  except InputError as error:
    print(f"codegen_jax: {error}", file=sys.stderr)
    sys.exit(2)
  sys.exit(0)


if __name__ == "__main__":
  run()
