"""Rows and their counts as one HTML page, which loads nothing and runs nothing."""

from collections.abc import Iterator, Sequence
from html import escape
import pathlib

import numpy as np

from codegen_jax.data.pipeline import Reader
from codegen_jax.inspection import histogram, places, spelling, summary
from codegen_jax.inspection.histogram import Histogram
from codegen_jax.inspection.places import Document, Place
from codegen_jax.inspection.tally import Report
from codegen_jax.models import masks
from codegen_jax.models.masks import Attention

CSS = pathlib.Path(__file__).with_name("page.css")


def page(reader: Reader, rows: Sequence[int], report: Report) -> str:
  """The policy in its head forbids a browser to load anything else."""
  name, policy = escape(report.config.mixture), "default-src 'none'; style-src 'unsafe-inline'"
  body = "\n".join(_body(reader, rows, report))
  return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<title>{name}</title>
<style>
{CSS.read_text("utf-8")}</style>
</head>
<body>
<main>
<h1>{name}</h1>
{body}
</main>
</body>
</html>
"""


def _body(reader: Reader, rows: Sequence[int], report: Report) -> Iterator[str]:
  yield f"<p>{escape(summary.title(report))}</p>"
  yield f"<h2>{report.total.rows:,} rows counted</h2>"
  yield _table(report)
  for drawn in histogram.histograms(report.total):
    yield _bars(drawn)
  if left := summary.left(report):
    yield f"<p>{summary.LEFT}</p><ul>{''.join(f'<li>{escape(line)}</li>' for line in left)}</ul>"
  yield "<h2>Rows</h2>"
  yield _legend(report.attention)
  for index in rows:
    yield from _row(reader, index, report)


def _table(report: Report) -> str:
  labels, columns = summary.columns(report)
  head = "".join(f'<th scope="col">{escape(column.name)}</th>' for column in columns)
  body = "".join(
    f'<tr><th scope="row">{escape(label)}</th>'
    + "".join(f"<td>{escape(column.cells[line])}</td>" for column in columns)
    + "</tr>\n"
    for line, label in enumerate(labels)
  )
  table = f"<table><thead><tr><td></td>{head}</tr></thead><tbody>\n{body}</tbody></table>"
  return f'<div class="scroll" tabindex="0" role="region" aria-label="counts">{table}</div>'


def _bars(drawn: Histogram) -> str:
  lines = "".join(
    f'<tr><th scope="row">{escape(label)}</th><td>{count:,}</td>'
    f'<td><div class="bar" style="width: {count / drawn.highest:.2%}"></div></td></tr>\n'
    for label, count in drawn.bins
  )
  caption = f"<caption>{escape(drawn.title)}: {escape(drawn.summary)}</caption>"
  return f'<table class="bars">{caption}<tbody>\n{lines}</tbody></table>'


def _legend(attention: Attention) -> str:
  if attention == "bidirectional":
    shown = f"{_token('stands there', 's', 'asked for')} {_token('not scored', '')}"
  else:
    prefix = summary.prefix(attention)
    kinds = {"scored": "s", prefix: "p", "scored and prefix": "s p", "neither": ""}
    shown = " ".join(_token(words, kind) for words, kind in kinds.items())
  shown += f" {_token('<special token>', 'x')}"
  signs = r"↵ newline, ⇥ tab, \xNN no whole character; point at a token for its id and its place"
  return f'<p class="text legend">{shown}</p><p class="soft">{signs}</p>'


def _row(reader: Reader, index: int, report: Report) -> Iterator[str]:
  read = reader.inspect(index)
  scored = np.asarray(masks.scored_targets(read.batch, report.attention))[0]
  size, prefix = len(read.example.tokens), read.batch.prefix_mask.sum()
  yield f"<section><h3>row {index} of {escape(read.task)}</h3>"
  yield f'<p class="soft">{size:,} tokens, {scored.sum():,} scored, {prefix:,} of a prefix</p>'
  for document in places.documents(read, scored, reader.vocabulary.is_special()):
    tokens = "".join(_place(place, document, reader.vocabulary) for place in document.places)
    yield f'<h4>{escape(document.title)}</h4><div class="text">{tokens}</div>'
  if padding := report.config.seq_len - size:
    yield f'<p class="soft">{spelling.PADDING.format(padding)}</p>'
  yield "</section>"


def _place(place: Place, document: Document, vocabulary: spelling.Vocabulary) -> str:
  facts = {"scored": place.scored, "prefix": place.prefix, "special": place.special}
  told = [name for name, holds in facts.items() if holds]
  tip = f"id {place.token}, position {place.position}, segment {document.segment}"
  asked = None
  if place.asked is not None:
    asked = places.answer(vocabulary, place.asked)
    told.append(f"asked for id {place.asked}")
  kind = "".join(letter for letter, holds in zip("spx", facts.values(), strict=True) if holds)
  text = spelling.spell(vocabulary, place.token)
  return _token(text, " ".join(kind), asked, tip=", ".join([tip, *told]))


def _token(text: str, kind: str, asked: str | None = None, *, tip: str = "") -> str:
  answer = "" if asked is None else f"<b>→{escape(asked)}</b>"
  title = f' title="{escape(tip)}"' if tip else ""
  return f'<span class="{kind}"{title}>{escape(text)}{answer}</span>'
