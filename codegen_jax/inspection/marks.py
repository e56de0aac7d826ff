"""How runs of a document are told apart in a terminal: by colours, or by signs instead."""

from collections.abc import Iterator, Sequence
import dataclasses
from typing import Protocol, runtime_checkable

from codegen_jax.inspection import summary
from codegen_jax.inspection.places import Run
from codegen_jax.models.masks import Attention

# Of a terminal, whatever its theme:  cyan, green, blue, dim
COLOURS = {(True, True): "36", (True, False): "32", (False, True): "34", (False, False): "2"}
SIGNS = "↵ newline  ⇥ tab  \\xNN no whole character"


@runtime_checkable
class Marks(Protocol):
  """How to tell runs apart."""

  def text(self, runs: Sequence[Run]) -> str:
    """The runs of one document, end to end."""

  def legend(self) -> str:
    """One line that explains the marks."""

  def soft(self, text: str) -> str:
    """A line that is no text of a document."""


@dataclasses.dataclass(frozen=True)
class Colours:
  """Scored green, a prefix blue, both cyan, neither dim; special tokens in reverse."""

  attention: Attention

  def text(self, runs: Sequence[Run]) -> str:
    return "".join(self._run(run) for run in runs)

  def _run(self, run: Run) -> str:
    colour = COLOURS[run.scored, run.prefix]
    text = _painted(run.text, f"{colour};7" if run.special else colour)
    return text if run.asked is None else text + _painted(f"→{run.asked}", f"1;{colour}")

  def legend(self) -> str:
    def shown(text: str, **facts) -> str:
      run = {"asked": None, "scored": False, "prefix": False, "special": False} | facts
      return self._run(Run(text, **run))

    if self.attention == "bidirectional":
      kinds = [shown("stands there", asked="asked for", scored=True), shown("not scored")]
    else:
      kinds = [
        shown("scored", scored=True),
        shown(summary.prefix(self.attention), prefix=True),
        shown("scored and prefix", scored=True, prefix=True),
        shown("neither"),
      ]
    return "  ".join([*kinds, shown("<special token>", special=True), SIGNS])

  def soft(self, text: str) -> str:
    return _painted(text, "2")


@dataclasses.dataclass(frozen=True)
class Signs:
  """The same without colours:   ⟦‹prefix› scored prefix⟧ scored  and in place  {<mask_1>→asked}"""

  attention: Attention

  def text(self, runs: Sequence[Run]) -> str:
    return "".join(self._pieces(runs))

  def _pieces(self, runs: Sequence[Run]) -> Iterator[str]:
    prefix = hidden = False
    for run in runs:
      # In place all but the few that are asked for is not scored, and needs no sign.
      hides = not run.scored and self.attention != "bidirectional"
      if hidden and (prefix != run.prefix or not hides):
        hidden = False
        yield "›"
      if prefix != run.prefix:
        prefix = run.prefix
        yield "⟦" if prefix else "⟧"
      if hides and not hidden:
        hidden = True
        yield "‹"
      yield run.text if run.asked is None else f"{{{run.text}→{run.asked}}}"
    yield "›" * hidden + "⟧" * prefix

  def legend(self) -> str:
    kinds = f"⟦{summary.prefix(self.attention)}⟧  ‹not scored›"
    if self.attention == "bidirectional":
      kinds = "{stands there→asked for}"
    return f"{kinds}  <special token>  {SIGNS}"

  def soft(self, text: str) -> str:
    return text


def _painted(text: str, codes: str) -> str:
  """Line by line: a pager forgets a colour at the end of a line."""
  return "\n".join(f"\x1b[{codes}m{line}\x1b[0m" if line else "" for line in text.split("\n"))
