"""The name a user probably meant, as the end of a sentence."""

from collections.abc import Iterable
import difflib


def closest(name: str, options: Iterable[str]) -> str | None:
  """The option most like `name`; capitals do not count: closest("atention", ["attention"])."""
  by_folded = {option.casefold(): option for option in options}
  matches = difflib.get_close_matches(name.casefold(), by_folded, n=1)
  return by_folded[matches[0]] if matches else None


def suggestion(name: str, options: Iterable[str], *, form: str = "{}") -> str:
  """"; did you mean attention?" when one is near, "; there is a, b" when they are few."""
  options = sorted(set(options))
  if near := closest(name, options):
    return f"; did you mean {form.format(near)}?"
  listed = ", ".join(form.format(option) for option in options[:8])
  return f"; there is {listed}{', ...' if len(options) > 8 else ''}" if options else ""
