"""Prompts that ask for a middle, in the layout that a model met it in training.

    CodeGen2  prefix <mask_1> suffix </s> <sep> <mask_1>      ends in <eom>
    psm       <pre> prefix <suf> suffix <mid>                 ends in </s>
    spm       <pre> <suf> suffix <mid> prefix                 ends in </s>
    left_to_right  prefix                                     ends with its line

A completion is cut at that token and nowhere else; `unfinished` counts those that never said it.
Left to right a model that never met holes writes one line, and does not read what follows.
"""

from collections.abc import Iterable, Sequence
import dataclasses
import sys
from typing import Literal, Protocol, runtime_checkable

from codegen_jax.data import special_tokens
from codegen_jax.data.objectives.sentinels import Vocabulary
from codegen_jax.errors import InputError
from codegen_jax.inference.requests import Completion, Request
from codegen_jax.inference.settings import SamplingConfig

HOLE = "<FILL>"
LEFT_TO_RIGHT = "left_to_right"


@runtime_checkable
class Layout(Protocol):
  """How a middle is asked for."""

  @property
  def vocabulary(self) -> Vocabulary:
    """Of the model."""

  @property
  def end(self) -> str:
    """The special token that ends a middle."""

  @property
  def longest(self) -> int:
    """Tokens of a middle, at the most."""

  def texts(self, prefix: str, suffix: str) -> tuple[str, str]:
    """What is encoded of both sides."""

  def prompt(self, prefix: Sequence[int], suffix: Sequence[int]) -> tuple[int, ...]:
    """Both sides as one prompt."""

  def both_ways(self, prompt: Sequence[int]) -> int:
    """How many tokens of the prompt a PrefixLM has met in a prefix."""


class Whole:
  """Both sides as they are, and a middle of any length."""

  longest: int = sys.maxsize

  def texts(self, prefix: str, suffix: str) -> tuple[str, str]:
    return prefix, suffix


@dataclasses.dataclass(frozen=True)
class Span(Whole):
  """What `SpanCorruption` makes of one span in CodeGen2's form, up to its first token."""

  vocabulary: Vocabulary = dataclasses.field(repr=False)
  end: str = special_tokens.EOM

  def prompt(self, prefix: Sequence[int], suffix: Sequence[int]) -> tuple[int, ...]:
    mask, eos, sep = (
      self.vocabulary.special_id(name)
      for name in (special_tokens.mask(1), special_tokens.END_OF_TEXT, special_tokens.SEP)
    )
    return (*prefix, mask, *suffix, eos, sep, mask)

  def both_ways(self, prompt: Sequence[int]) -> int:
    return len(prompt) - 1  # the mask that begins the answer is part of the answer


@dataclasses.dataclass(frozen=True)
class Middle(Whole):
  """What `PrefixSuffixMiddle` makes of a document, up to the middle's first token."""

  vocabulary: Vocabulary = dataclasses.field(repr=False)
  order: Literal["psm", "spm"] = "psm"
  end: str = special_tokens.END_OF_TEXT

  def prompt(self, prefix: Sequence[int], suffix: Sequence[int]) -> tuple[int, ...]:
    pre, suf, mid = (
      self.vocabulary.special_id(name)
      for name in (
        special_tokens.FIM_PREFIX,
        special_tokens.FIM_SUFFIX,
        special_tokens.FIM_MIDDLE,
      )
    )
    if self.order == "spm":
      return (pre, suf, *suffix, mid, *prefix)
    return (pre, *prefix, suf, *suffix, mid)

  def both_ways(self, prompt: Sequence[int]) -> int:
    return len(prompt)


@dataclasses.dataclass(frozen=True)
class LeftToRight:
  """What stands before a hole, which a line fills."""

  vocabulary: Vocabulary = dataclasses.field(repr=False)
  end: str = special_tokens.END_OF_TEXT
  longest: int = 64

  def texts(self, prefix: str, suffix: str) -> tuple[str, str]:
    # A tokenizer joins a line break with the spaces that follow, so the break is the model's.
    return prefix.removesuffix("\n"), ""

  def prompt(self, prefix: Sequence[int], suffix: Sequence[int]) -> tuple[int, ...]:
    return tuple(prefix)

  def both_ways(self, prompt: Sequence[int]) -> int:
    return len(prompt)


def layout(name: str, vocabulary: Vocabulary) -> Layout:
  """One of "codegen2", "psm", "spm", "left_to_right".

  Raises:
    InputError: there is no such layout.
  """
  if name == "codegen2":
    return Span(vocabulary)
  if name == "psm":
    return Middle(vocabulary)
  if name == "spm":
    return Middle(vocabulary, "spm")
  if name == LEFT_TO_RIGHT:
    return LeftToRight(vocabulary)
  raise InputError(
    f"there is no infilling layout {name!r}; choose codegen2, psm, spm or {LEFT_TO_RIGHT}"
  )


def request(
  layout: Layout, prefix: str, suffix: str, *, task: str, problem: str, sample: int
) -> Request:
  """One completion of what lies between two texts, each encoded by itself as in training."""
  prompt = layout.prompt(*map(layout.vocabulary.encode, layout.texts(prefix, suffix)))
  return Request(task, problem, sample, prompt, layout.both_ways(prompt))


def ending(layout: Layout, config: SamplingConfig) -> SamplingConfig:
  """The same settings for infilling: a middle ends in its end token and in nothing else.

  Raises:
    InputError: the settings have stops of their own.
  """
  if config.stop_strings or config.stop_tokens:
    raise InputError(
      f"infilling ends at {layout.end} alone, and the settings stop at"
      f" {config.stop_strings or config.stop_tokens}; leave stops out"
    )
  stop_tokens = (layout.vocabulary.special_id(layout.end),)
  longest = min(config.max_new_tokens, layout.longest)
  return dataclasses.replace(config, stop_tokens=stop_tokens, max_new_tokens=longest)


def middle(name: str, completion: str) -> str:
  """What fills the hole: all of a completion, or its first line from left to right."""
  if name != LEFT_TO_RIGHT:
    return completion
  return completion.lstrip("\n").partition("\n")[0] + "\n"


def unfinished(completions: Iterable[Completion]) -> int:
  """How many never reached their end token, so that their text is cut anywhere."""
  return sum(completion.ended != "end token" for completion in completions)


def split_at_hole(text: str) -> tuple[str, str]:
  """Prefix and suffix of a text with one <FILL> in it.

  Raises:
    InputError: it has none, or several.
  """
  prefix, *suffixes = text.split(HOLE)
  if len(suffixes) != 1:
    raise InputError(f"the text has {len(suffixes)} holes {HOLE}; mark the one to fill")
  return prefix, suffixes[0]
