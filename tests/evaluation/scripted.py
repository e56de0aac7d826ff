"""A model that says what it is told, and a benchmark of each kind that has few lines."""

from collections.abc import Callable, Sequence
import dataclasses
import pathlib

import numpy as np

from codegen_jax.evaluation.benchmark import Problem, Question
from codegen_jax.inference.language_model import LanguageModel
from codegen_jax.inference.requests import Completion, Likelihood, Request
from codegen_jax.sandbox.verdict import Limits, Program
from tests import tiny_language_model as tiny

VOCABULARY = tiny.make_vocabulary()
END = VOCABULARY.special_id("<|endoftext|>")
LIMITS = Limits(cpu_seconds=10, wall_seconds=60)


class Killed(BaseException):
  """As if the process were."""


class Scripted(LanguageModel):
  """Says `says(request)`; is killed when it was asked `lives` times.  A token has `nats`."""

  def __init__(
    self, says: Callable[[Request], str] = str, *, lives: int = -1, nats: float = 1.0, step: int = 7
  ):
    self.says, self.lives, self.nats, self.step = says, lives, nats, step
    self.asked: list[tuple[Request, object]] = []
    self.scored: list[tuple[Sequence[int], Sequence[int]]] = []

  def generate(self, requests, config, **_):
    for request in requests:
      if len(self.asked) == self.lives:
        raise Killed
      self.asked.append((request, config))
      text = self.says(request)
      ended = "length" if text.endswith("...") else "stop string"
      nothing = np.zeros(len(text), np.int32), np.full(len(text), -0.5, np.float32)
      yield Completion(request, nothing[0], text, ended, nothing[1])

  def log_likelihood(self, pairs, *, batch_size=16):
    """The longer a continuation, the less likely."""
    found = []
    for pair in pairs:
      self.scored.append(pair)
      size = len(pair[1])
      found.append(Likelihood(np.full(size, self.nats, np.float32), np.ones(size, bool)))
    return found

  def batch_size(self, least):
    return least

  @property
  def prompts(self) -> list[str]:
    return [VOCABULARY.decode(list(request.prompt)) for request, _ in self.asked]


@dataclasses.dataclass(frozen=True)
class Doubling:
  """x = 3
  y =        and 6 is right.
  """

  name: str = "doubling"
  version: int = 1
  stop_strings: tuple[str, ...] = ("\n",)
  limits: Limits = LIMITS
  needs: tuple[str, ...] = ()

  def problems(self):
    return [Problem(f"double/{n}", f"x = {n}\ny =", {"double": 2 * n}) for n in (1, 2, 3)]

  def request(self, problem, sample, vocabulary):
    return Request(self.name, problem.id, sample, tuple(vocabulary.encode(problem.prompt)))

  def ending(self, config, vocabulary):
    return dataclasses.replace(config, stop_strings=self.stop_strings)

  def cut(self, problem, completion):
    return completion.partition("#")[0]

  def program(self, problem, answer):
    return Program(f"{problem.prompt}{answer}\nassert y == {problem.facts['double']}")

  def asked(self, problem, vocabulary, before):
    return [((END,), tuple(vocabulary.encode(problem.prompt)))]

  def data_sha256(self):
    return {"doubling": "0"}


@dataclasses.dataclass(frozen=True)
class Counting:
  """a = 1        each line is asked up to its "=", and answered; problem n has n lines.
  b = 2
  """

  name: str = "counting"
  version: int = 1
  stop_strings: tuple[str, ...] = ("\n",)
  limits: Limits = LIMITS
  needs: tuple[str, ...] = ()

  def problems(self):
    return [Problem(f"count/{n}", "", {"lines": n, "longest": 4 + n % 2}) for n in (2, 3)]

  def turns(self, problem):
    return [f"{letter} =" for letter in "abc"[: problem.facts["lines"]]]

  def history(self, problem, completions):
    lines = zip(self.turns(problem), completions, strict=False)
    return "".join(f"{asked}{said}\n" for asked, said in lines)

  def cut(self, problem, completion):
    return completion

  def program(self, problem, answer):
    right = ", ".join("abc"[: problem.facts["lines"]])
    return Program(f"{answer}\nassert [{right}] == list(range(1, {problem.facts['lines']} + 1))")

  def asked(self, problem, vocabulary, before):
    return [
      (
        (END, *vocabulary.encode(self.history(problem, before[:turn]))),
        tuple(vocabulary.encode(asked)),
      )
      for turn, asked in enumerate(self.turns(problem))
    ]

  def data_sha256(self):
    return {"counting": "0"}


@dataclasses.dataclass(frozen=True)
class Repeating:
  """Say what was said, of which each right letter counts."""

  name: str = "repeating"
  version: int = 1
  metrics: tuple[str, ...] = ("right", "whole")
  stop_strings: tuple[str, ...] = ("\n",)
  n_shot: int = 2

  def problems(self):
    return [Problem(word, f"{word}:", {"word": word}) for word in ("ab", "cd", "ef")]

  def request(self, problem, sample, vocabulary):
    return Request(self.name, problem.id, sample, tuple(vocabulary.encode(problem.prompt)))

  def ending(self, config, vocabulary):
    return dataclasses.replace(config, stop_strings=self.stop_strings, max_new_tokens=3)

  def cut(self, problem, completion):
    return completion.strip()

  def score(self, problem, answer):
    word = problem.facts["word"]
    right = sum(a == b for a, b in zip(word, answer, strict=False)) / len(word)
    return {"right": right, "whole": float(answer == word)}

  def data_sha256(self):
    return {"repeating": "0"}


@dataclasses.dataclass(frozen=True)
class Shorter:
  """Which of two words is shorter; of which a model that counts tokens is sure."""

  name: str = "shorter"
  version: int = 1
  metrics: tuple[str, ...] = ("acc", "perplexity")
  number: int = 150

  def questions(self):
    words = [("x", " x y z"), (" x y z w", "x"), ("x", " x y")]
    return [Question(str(n), tuple(("", w) for w in words[n % 3])) for n in range(self.number)]

  def judge(self, question, likelihoods):
    first, second = (float(one.nats.sum()) for one in likelihoods)
    return {"acc": float(first < second), "perplexity": first}

  def data_sha256(self):
    return {"shorter": "0"}


def lines(file: pathlib.Path) -> list[str]:
  return file.read_text().splitlines()
