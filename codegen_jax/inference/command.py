"""`codegen-jax sample`: prompts in, text out as it comes."""

import argparse
from collections.abc import Callable, Iterator, Sequence
import os
import pathlib
import sys
from typing import Protocol, runtime_checkable

from codegen_jax.data.objectives.sentinels import Vocabulary
from codegen_jax.errors import InputError
from codegen_jax.inference import flags as flags_
from codegen_jax.inference import infilling
from codegen_jax.inference.requests import Completion, Request
from codegen_jax.inference.settings import SamplingConfig

SIGN = ">>> "


@runtime_checkable
class Generator(Protocol):
  """`LanguageModel` is one."""

  def generate(
    self,
    requests: Sequence[Request],
    config: SamplingConfig,
    *,
    on_text: Callable[[Request, str], None] | None = None,
  ) -> Iterator[Completion]:
    """Completions as they finish, their text told as it comes."""


def run(model: Generator, vocabulary: Vocabulary, flags: argparse.Namespace) -> None:
  """Answers on stdout, as the tokens come."""
  config, numbers = flags_.settings(flags), range(flags.num_samples)
  try:
    if flags.file is not None:
      layout = infilling.layout(flags.layout, vocabulary)
      prefix, suffix = infilling.split_at_hole(_read(flags.file))
      asked = [
        infilling.request(
          layout, prefix, suffix, task=flags_.NAME, problem=str(flags.file), sample=n
        )
        for n in numbers
      ]
      completions = _answer(model, asked, infilling.ending(layout, config))
      if missed := infilling.unfinished(completions):
        print(
          f"{missed} of {len(asked)} unfinished: no {layout.end} within {flags.max_new_tokens}"
          " tokens",
          file=sys.stderr,
        )
      return
    for prompt in _prompts(flags.prompt):
      ids = tuple(vocabulary.encode(prompt)) or (vocabulary.special_id("<|endoftext|>"),)
      _answer(model, [Request(flags_.NAME, prompt, n, ids) for n in numbers], config)
  except BrokenPipeError:  # `| head` has read enough
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for the flush at exit


def _prompts(prompt: str | None) -> Iterator[str]:
  if prompt is not None:
    yield prompt
    return
  while True:
    if sys.stdin.isatty():
      print(SIGN, end="", file=sys.stderr, flush=True)
    line = sys.stdin.readline()
    if not line:
      return
    if line.strip():
      yield line.removesuffix("\n")


def _read(file: pathlib.Path) -> str:
  try:
    return file.read_text("utf-8")
  except OSError as error:
    raise InputError(f"cannot read --file={file} ({error.strerror})") from error
  except UnicodeDecodeError as error:
    raise InputError(f"--file={file} is not UTF-8 text ({error})") from error


def _answer(model: Generator, asked: list[Request], config: SamplingConfig) -> list[Completion]:
  """One answer is told as it grows; of several each when it is whole, with its number above it."""

  def tell(request: Request, text: str) -> None:
    print(text, end="", flush=True)

  alone = len(asked) == 1
  on_text: Callable[[Request, str], None] | None = tell if alone else None
  completions = []
  for completion in model.generate(asked, config, on_text=on_text):
    completions.append(completion)
    if alone:
      print(flush=True)
    else:
      number = completion.request.sample
      print(f"--- {number} ({completion.ended})\n{completion.text}", flush=True)
  return completions
