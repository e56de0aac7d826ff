"""A document of a few kinds of blocks, written once and read as Markdown or as one HTML file.

blocks = [Heading("Results"), Table(["arm", "loss"], [["causal", "2.31"]]), Picture(...)]

markdown(blocks)    # Results | arm | loss | ![..](results.png)
html(title, blocks) # the same, with its style and its pictures inside: nothing is loaded
"""

import base64
from collections.abc import Sequence
import dataclasses
from html import escape
from typing import Protocol


class Block(Protocol):
  """Anything that a page holds, as a reader of either kind sees it."""

  def markdown(self) -> str: ...

  def html(self) -> str: ...


@dataclasses.dataclass(frozen=True)
class Heading:
  """A line that names what follows; level 1 is the page's own."""

  text: str
  level: int = 2

  def markdown(self) -> str:
    return f"{'#' * self.level} {_plain(self.text)}"

  def html(self) -> str:
    return f"<h{self.level}>{escape(self.text)}</h{self.level}>"


@dataclasses.dataclass(frozen=True)
class Text:
  """One paragraph."""

  text: str
  style: str = ""  # a class of page.css: "answer", "note"

  def markdown(self) -> str:
    return f"**{_plain(self.text)}**" if self.style == "answer" else _plain(self.text)

  def html(self) -> str:
    return f'<p class="{escape(self.style)}">{escape(self.text)}</p>'


@dataclasses.dataclass(frozen=True)
class Items:
  """A bulleted list."""

  texts: Sequence[str]

  def markdown(self) -> str:
    return "\n".join(f"- {_plain(text)}" for text in self.texts)

  def html(self) -> str:
    return f"<ul>{''.join(f'<li>{escape(text)}</li>' for text in self.texts)}</ul>"


@dataclasses.dataclass(frozen=True)
class Code:
  """Lines to be copied as they are."""

  text: str

  def markdown(self) -> str:
    return f"```\n{self.text}\n```"

  def html(self) -> str:
    return f"<pre>{escape(self.text)}</pre>"


@dataclasses.dataclass(frozen=True)
class Link:
  """A cell that leads to a file beside the page, or below it."""

  text: str
  to: str

  def markdown(self) -> str:
    return f"[{_plain(self.text)}](<{self.to}>)"

  def html(self) -> str:
    return f'<a href="{escape(self.to)}">{escape(self.text)}</a>'


Cell = str | Link


@dataclasses.dataclass(frozen=True)
class Table:
  """Rows under a header; all columns but the first are aligned right where they hold numbers."""

  header: Sequence[str]
  rows: Sequence[Sequence[Cell]]
  numbers: bool = False

  def markdown(self) -> str:
    """Padded, so that it is as readable in a terminal as it is rendered."""
    lines = [[_in_markdown(cell).replace("|", "\\|") for cell in row] for row in self._lines()]
    widths = [max(3, *map(len, column)) for column in zip(*lines, strict=True)]
    right = [self.numbers and i > 0 for i in range(len(widths))]
    rule = ["-" * (w - 1) + ":" if r else "-" * w for w, r in zip(widths, right, strict=True)]
    lines.insert(1, rule)
    return "\n".join(
      "| " + " | ".join(_pad(*cell) for cell in zip(line, widths, right, strict=True)) + " |"
      for line in lines
    )

  def html(self) -> str:
    header, *rows = [[_in_html(cell) for cell in row] for row in self._lines()]
    # A long name such as code/bits_per_byte may break, so that a table is as wide as its numbers.
    names = [cell.replace("/", "/<wbr>").replace("_", "_<wbr>") for cell in header]
    head = "".join(f'<th scope="col">{name}</th>' for name in names)
    body = "".join(
      f'<tr><th scope="row">{row[0]}</th>' + "".join(f"<td>{c}</td>" for c in row[1:]) + "</tr>"
      for row in rows
    )
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    # A wide table scrolls by itself on a phone, also from a keyboard; the page does not.
    kind = "scroll numbers" if self.numbers else "scroll"
    return f'<div class="{kind}" tabindex="0" role="region" aria-label="table">{table}</div>'

  def _lines(self) -> list[list[Cell]]:
    lines: list[list[Cell]] = [list(self.header), *map(list, self.rows)]
    for line in lines:
      if len(line) != len(self.header):
        raise ValueError(f"row {line} has {len(line)} cells under {len(self.header)} headings")
    return lines


@dataclasses.dataclass(frozen=True)
class Picture:
  """A PNG with words for those who do not see it, and a caption for those who do."""

  name: str  # the file beside report.md that holds the same bytes
  png: bytes
  alt: str
  caption: str

  def markdown(self) -> str:
    return f"![{_plain(self.alt)}]({self.name})\n\n{_plain(self.caption)}"

  def html(self) -> str:
    data = base64.b64encode(self.png).decode()
    picture = f'<img alt="{escape(self.alt)}" src="data:image/png;base64,{data}">'
    return f"<figure>{picture}<figcaption>{escape(self.caption)}</figcaption></figure>"


@dataclasses.dataclass(frozen=True)
class Folded:
  """Blocks behind a line that opens them."""

  summary: str
  blocks: Sequence[Block]

  def markdown(self) -> str:
    summary = f"<details>\n<summary>{escape(self.summary)}</summary>"
    return f"{summary}\n\n{markdown(self.blocks)}\n</details>"

  def html(self) -> str:
    summary = f"<summary>{escape(self.summary)}</summary>"
    return f"<details>{summary}{_joined(self.blocks)}</details>"


@dataclasses.dataclass(frozen=True)
class Beside:
  """Blocks with others at their side where the page is wide, and below them where it is not."""

  blocks: Sequence[Block]
  side: Sequence[Block]

  def markdown(self) -> str:
    return markdown([*self.blocks, *self.side]).rstrip()

  def html(self) -> str:
    side = f"<aside>{_joined(self.side)}</aside>"
    return f'<div class="beside"><div>{_joined(self.blocks)}</div>{side}</div>'


def markdown(blocks: Sequence[Block]) -> str:
  return "\n\n".join(block.markdown() for block in blocks) + "\n"


def html(title: str, blocks: Sequence[Block], *, style: str) -> str:
  """One file: the policy in its head forbids a browser to load anything else."""
  policy = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
  return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<title>{escape(title)}</title>
<style>
{style}
</style>
</head>
<body>
<main>
{_joined(blocks)}
</main>
</body>
</html>
"""


def _joined(blocks: Sequence[Block]) -> str:
  return "\n".join(block.html() for block in blocks)


def _plain(text: str) -> str:
  """Text on one line, in which a sentinel such as <suf> is not taken for a tag."""
  return " ".join(text.split()).replace("<", "\\<")


def _in_markdown(cell: Cell) -> str:
  return cell.markdown() if isinstance(cell, Link) else _plain(cell)


def _in_html(cell: Cell) -> str:
  return cell.html() if isinstance(cell, Link) else escape(cell)


def _pad(cell: str, width: int, right: bool) -> str:
  return cell.rjust(width) if right else cell.ljust(width)
