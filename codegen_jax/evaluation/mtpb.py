"""MTPB: programs that are asked for a step at a time (arXiv 2203.13474, section 3).

# Import libraries.

import numpy as np

# Assign the string "abcde" to a variable named "my_string".      turn 1, asked
my_string = "abcde"                                               turn 1, answered

# Lowercase the given string "my_string".                         turn 2, asked
...
"""

import dataclasses
import functools
import inspect
from typing import Any

from codegen_jax.errors import InputError
from codegen_jax.evaluation import data_files, mtpb_check, truncation
from codegen_jax.evaluation.benchmark import Problem
from codegen_jax.evaluation.data_files import DataFile
from codegen_jax.evaluation.turns import Turns
from codegen_jax.sandbox.verdict import Limits, MiB, Program

FILE = DataFile(
  "mtpb/mtpb.jsonl",
  "3ab79ddb160f484a63491330ba72204930d56cc946f7c0c5fb469622a941f89c",
  "https://github.com/salesforce/CodeGen/tree/main/codegen1/benchmark",
)
BEGINS = "# Import libraries.\n\nimport numpy as np\n\n"
LONGEST = 256  # tokens of an answer whose problem does not say
LIMITS = Limits(cpu_seconds=20, wall_seconds=60, memory=2048 * MiB, processes=32)

# What the published checker lets nobody pass, since the expected output is a dict or None.
NEVER = frozenset({*(f"89/{case}" for case in range(5)), "41/1", "41/4"})

_RUNNER = """
right = False
def answer(source, expected):
  global right
  right = passes(source, expected, {"__name__": "__main__"})
shared = {"answer": answer}
"""


@dataclasses.dataclass(frozen=True)
class Mtpb(Turns):
  """115 problems of 5 inputs each, every one a case of its own; a case is `<problem>/<input>`."""

  at_once: bool = False
  version: int = 1
  stop_strings: tuple[str, ...] = truncation.STOPS
  limits: Limits = LIMITS
  needs: tuple[str, ...] = ("numpy",)

  @property
  def name(self) -> str:
    return "mtpb_single_turn" if self.at_once else "mtpb"

  def problems(self) -> list[Problem]:
    rows = sorted(data_files.read_jsonl(FILE.find()), key=lambda row: int(row["id"]))
    return [
      Problem(f"{row['id']}/{case}", BEGINS, self._facts(row, given, expected))
      for row in rows
      # Problem 57 has an output more than inputs; it is left out, as published.
      for case, (given, expected) in enumerate(zip(row["inputs"], row["outputs"], strict=False))
    ]

  def program(self, problem: Problem, answer: str) -> Program:
    return Program(
      f"answer({answer!r}, {problem.facts['expected']!r})",
      prelude=_prelude(),
      postlude="assert right, 'what was printed last is not what was asked for'",
    )

  def data_sha256(self) -> dict[str, str]:
    return {FILE.path: data_files.digest(FILE.find())}

  def _facts(self, row: dict[str, Any], given: dict[str, Any], expected: Any) -> dict[str, Any]:
    longest = row.get("max_gen_length", LONGEST)
    try:
      prompts = [prompt.format(**given) for prompt in row["prompts"]]
    except (KeyError, ValueError, IndexError) as error:
      raise InputError(
        f"problem {row['id']} of {FILE.path} asks for what its input has not ({error}); get it anew"
      ) from error
    return {
      "prompts": prompts,
      "expected": expected,
      "category": row["category"],
      "longest": longest * len(prompts) if self.at_once else longest,
    }


@functools.cache
def _prelude() -> str:
  return inspect.getsource(mtpb_check) + _RUNNER
