"""report.html and report.json: what came in, what went and why, what is left."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
import pathlib
from typing import Any

from codegen_jax.prepare import storage
from codegen_jax.prepare.storage import Path

_CSS = pathlib.Path(__file__).parents[1] / "inspection" / "page.css"
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def write(out: Path, said: Mapping[str, Any], seconds: Mapping[str, float]) -> None:
  storage.write_json(out / "report.json", {**said, "seconds": dict(seconds)})
  with storage.writing(out / "report.html") as draft:
    draft.write_text(page(said, seconds), "utf-8")


def page(said: Mapping[str, Any], seconds: Mapping[str, float]) -> str:
  """One page that loads nothing."""
  body = "\n".join(_body(said, seconds))
  return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<title>{escape(said["name"])}</title>
<style>
{_CSS.read_text("utf-8")}</style>
</head>
<body>
<main>
<h1>{escape(said["name"])}</h1>
{body}
</main>
</body>
</html>
"""


def _body(said: Mapping[str, Any], seconds: Mapping[str, float]) -> Iterator[str]:
  per_byte = said["tokens"] / max(said["bytes"], 1)
  yield "<h2>Documents</h2>"
  yield _table(
    ("", "documents", "bytes"),
    [
      ("read", said["documents_in"], said["bytes_in"]),
      ("dropped", *(sum(d[k] for d in said["dropped"].values()) for k in ("documents", "bytes"))),
      ("left", said["documents"], said["bytes"]),
    ],
  )
  yield f"<p>{said['tokens']:,} tokens, {per_byte:.4f} for each byte of text.</p>"
  yield f"<p>{said['repaired']:,} documents had their encoding repaired.</p>"
  yield "<h2>Dropped, by the first reason</h2>"
  yield _table(
    ("reason", "documents", "bytes", "such as"),
    (
      (reason, told["documents"], told["bytes"], ", ".join(told["examples"]))
      for reason, told in said["dropped"].items()
    ),
  )
  yield "<h2>Languages</h2>"
  yield _table(
    ("language", "documents", "bytes", "tokens", "tokens per byte"),
    (
      (name, t["documents"], t["bytes"], t["tokens"], round(t["tokens"] / max(t["bytes"], 1), 4))
      for name, t in said["languages"].items()
    ),
  )
  yield _bars(said["lengths"])
  if said["benchmarks"]:
    yield "<h2>Benchmarks that were looked for</h2>"
    yield _table(("file", "SHA-256"), said["benchmarks"].items())
  yield "<h2>Shards</h2>"
  yield _table(
    ("file", "documents", "tokens", "bytes"),
    (
      (shard["file"], shard["documents"], shard["tokens"], shard["bytes"])
      for shards in said["shards"].values()
      for shard in shards
    ),
  )
  yield "<h2>Seconds</h2>"
  yield _table(("stage", "seconds"), ((k, round(v, 1)) for k, v in seconds.items()))


def _table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
  rows = list(rows)
  words = [isinstance(value, str) for value in rows[0]] if rows else [True] * len(head)
  top = "".join(
    f'<th scope="col"{_side(word)}>{escape(name)}</th>'
    for name, word in zip(head, words, strict=True)
  )
  lines = "".join(f"<tr>{''.join(_cells(row))}</tr>\n" for row in rows)
  table = f"<table><thead><tr>{top}</tr></thead><tbody>\n{lines}</tbody></table>"
  return f'<div class="scroll" tabindex="0">{table}</div>'


def _cells(row: Iterable[Any]) -> Iterator[str]:
  for place, value in enumerate(row):
    text = escape(value if isinstance(value, str) else f"{value:,}")
    side = _side(isinstance(value, str))
    yield f'<th scope="row">{text}</th>' if not place else f"<td{side}>{text}</td>"


def _side(of_words: bool) -> str:
  return ' class="words"' if of_words else ""


def _bars(lengths: Mapping[str, int]) -> str:
  highest = max(lengths.values(), default=1)
  lines = "".join(
    f'<tr><th scope="row">{int(low):,}-{2 * int(low) - 1:,}</th><td>{count:,}</td>'
    f'<td><div class="bar" style="width: {count / highest:.2%}"></div></td></tr>\n'
    for low, count in lengths.items()
  )
  caption = "<caption>bytes of a document, in bins that double</caption>"
  return f'<table class="bars">{caption}<tbody>\n{lines}</tbody></table>'
