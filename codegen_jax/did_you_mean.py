"""The name that a user probably meant."""

from collections.abc import Iterable
import difflib


def closest(name: str, options: Iterable[str]) -> str | None:
  """The option most like `name`, whatever its capitals: atention -> attention.

  One that goes on where `name` ends is nearer than any other: humaneval_i -> humaneval_infilling.
  """
  by_folded = {option.casefold(): option for option in options}
  matches = difflib.get_close_matches(name.casefold(), by_folded, n=len(by_folded) or 1)
  matches.sort(key=lambda option: not option.startswith(name.casefold()))  # else in their order
  return by_folded[matches[0]] if matches else None


def suggestion(name: str, options: Iterable[str], *, form: str = "{}") -> str:
  """The end of a sentence:   ; did you mean attention?   or, with none near,   ; there is a, b"""
  options = sorted(set(options))
  if near := closest(name, options):
    return f"; did you mean {form.format(near)}?"
  listed = [form.format(option) for option in options[:8]] + ["..."] * (len(options) > 8)
  return f"; there is {', '.join(listed)}" if listed else ""
