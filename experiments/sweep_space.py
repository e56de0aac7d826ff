"""What a sweep tries: a grid of settings, or settings that are drawn.

--grid 'PEAK_RATE=1e-3,3e-3' --grid 'BATCH_SIZE=8,16'     4 trials, each with each
--random 'PEAK_RATE=log(1e-4,1e-2)'                       even in its logarithm
--random 'WARMUP_STEPS=int(10,100)'                       both ends belong to it
--random 'MIXTURE@rate=uniform(0.1,1)'                    of the mixture's objective
--random 'ATTENTION=choice(causal,prefix)'
"""

from collections.abc import Sequence
import dataclasses
import itertools
import math
import re
import zlib

import numpy as np

from codegen_jax.errors import InputError

Trial = dict[str, str]  # {"PEAK_RATE": "0.001"}: as gin writes it; text needs no quotes
DRAWN = re.compile(r"(log|uniform|int|choice)\((.*)\)", re.DOTALL)
NAME = re.compile(r"[\w.@/]+")


@dataclasses.dataclass(frozen=True)
class Drawn:
  """How a setting is drawn: `low` and `high`, or one of `options`."""

  kind: str
  options: tuple[str, ...]

  @property
  def ends(self) -> tuple[float, float]:
    return float(self.options[0]), float(self.options[1])

  def draw(self, rng: np.random.Generator) -> str:
    if self.kind == "choice":
      return self.options[rng.integers(len(self.options))]
    low, high = self.ends
    match self.kind:
      case "int":
        return str(rng.integers(round(low), round(high) + 1))
      case "log":
        drawn = math.exp(rng.uniform(math.log(low), math.log(high)))
      case _:
        drawn = rng.uniform(low, high)
    return f"{drawn:.4g}"


def grid(asked: Sequence[str]) -> list[Trial]:
  """Every value with every other."""
  values: dict[str, list[str]] = {}
  for text in asked:
    name, told = _named("--grid", text, values)
    values[name] = split(told)
    if not all(values[name]):
      raise InputError(f"--grid {text!r} has no value where one belongs; write NAME=1,2,3")
  return [dict(zip(values, one, strict=True)) for one in itertools.product(*values.values())]


def drawn(asked: Sequence[str], *, trials: int, seed: int) -> list[Trial]:
  """Trial i is a function of (seed, i): more of them begin with the same."""
  if trials < 1:
    raise InputError(f"--trials is {trials}; draw 1 or more")
  spaces = space(asked)
  return [
    {
      name: one.draw(np.random.default_rng([seed, trial, zlib.crc32(name.encode())]))
      for name, one in spaces.items()
    }
    for trial in range(trials)
  ]


def space(asked: Sequence[str]) -> dict[str, Drawn]:
  """What `--random` says, by name."""
  found: dict[str, Drawn] = {}
  for text in asked:
    name, told = _named("--random", text, found)
    match = DRAWN.fullmatch(told.strip())
    options = tuple(split(match[2])) if match else ()
    if match is None or not all(options):
      raise InputError(
        f"--random {text!r} says not how to draw; write NAME=log(1e-4,1e-2), uniform(0,1),"
        " int(1,64) or choice(a,b)"
      )
    found[name] = Drawn(match[1], options)
    if match[1] != "choice":
      _check_ends(text, found[name])
  return found


def split(text: str) -> list[str]:
  """At commas outside of brackets and quotes:   (1,2),'a,b'   ->   (1,2)   'a,b'"""
  parts, depth, quote = [""], 0, ""
  for letter in text:
    if quote:
      quote = "" if letter == quote else quote
    elif letter in "'\"":
      quote = letter
    depth += 0 if quote else (letter in "([{") - (letter in ")]}")
    if letter == "," and not depth and not quote:
      parts.append("")
    else:
      parts[-1] += letter
  return [part.strip() for part in parts]


def _named(flag: str, text: str, before: dict) -> tuple[str, str]:
  name, equals, told = text.partition("=")
  name = name.strip()
  if not equals or not NAME.fullmatch(name):
    raise InputError(f"{flag} {text!r} names nothing; write {flag} 'PEAK_RATE=...'")
  if name in before:
    raise InputError(f"{flag} names {name} twice; give all of its values at once")
  if name == "SEED":
    raise InputError("SEED is no setting to choose; --seeds=3 trains each trial with three")
  return name, told


def _check_ends(text: str, one: Drawn) -> None:
  try:
    low, high = one.ends
    good = len(one.options) == 2 and low < high and (one.kind != "log" or low > 0)
  except (ValueError, IndexError):
    good = False
  if not good:
    above = ", both above 0" if one.kind == "log" else ""
    raise InputError(f"--random {text!r}: {one.kind} needs the lower and the higher end{above}")
