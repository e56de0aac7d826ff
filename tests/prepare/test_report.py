"""The page of a corpus: what came in, what went and why, what is left."""

from html.parser import HTMLParser
import json

import pytest

from codegen_jax.prepare import report, storage

SAID = {
  "name": "code",
  "documents_in": 1010,
  "bytes_in": 50_000,
  "repaired": 3,
  "documents": 1000,
  "bytes": 40_000,
  "tokens": 10_000,
  "dropped": {
    "<b>reason": {"documents": 4, "bytes": 4_000, "examples": ["a<script>.py", "b.py"]},
    "near copy": {"documents": 6, "bytes": 6_000, "examples": ["c.py"]},
  },
  "languages": {"python": {"documents": 1000, "bytes": 40_000, "tokens": 10_000}},
  "lengths": {"32": 250, "64": 750},
  "benchmarks": {"humaneval/HumanEval.jsonl.gz": "skipped: it is not there"},
  "shards": {
    "train": [{"file": "code-train", "documents": 1000, "tokens": 10_000, "bytes": 9_000}],
    "validation": [],
  },
}


class Cells(HTMLParser):
  """Rows of a page's tables, and the widths of its bars."""

  def __init__(self, page: str):
    super().__init__()
    self.rows: list[list[str]] = []
    self.widths: list[str] = []
    self.tags: set[str] = set()
    self.inside = False
    self.feed(page)

  def handle_starttag(self, tag, attrs):
    self.tags.add(tag)
    told = dict(attrs)
    if tag == "tr":
      self.rows.append([])
    elif tag in ("td", "th"):
      self.rows[-1].append("")
      self.inside = True
    elif told.get("class") == "bar":
      self.widths.append(told["style"])

  def handle_endtag(self, tag):
    self.inside &= tag not in ("td", "th")

  def handle_data(self, data):
    if self.inside:
      self.rows[-1][-1] += data


@pytest.fixture(scope="module")
def cells() -> Cells:
  return Cells(report.page(SAID, {"read": 1.25}))


def test_what_was_read_is_what_went_and_what_is_left(cells):
  assert ["read", "1,010", "50,000"] in cells.rows
  assert ["dropped", "10", "10,000"] in cells.rows
  assert ["left", "1,000", "40,000"] in cells.rows


def test_every_reason_language_benchmark_and_shard_is_there(cells):
  assert ["near copy", "6", "6,000", "c.py"] in cells.rows
  assert ["python", "1,000", "40,000", "10,000", "0.25"] in cells.rows
  assert ["humaneval/HumanEval.jsonl.gz", "skipped: it is not there"] in cells.rows
  assert ["code-train", "1,000", "10,000", "9,000"] in cells.rows
  assert ["read", "1.2"] in cells.rows


def test_names_of_files_are_text_and_nothing_is_loaded(cells):
  assert ["<b>reason", "4", "4,000", "a<script>.py, b.py"] in cells.rows
  assert not cells.tags & {"script", "b", "link", "img"}


def test_bars_are_as_long_as_their_share_of_the_highest(cells):
  assert ["64-127", "750", ""] in cells.rows
  assert cells.widths == ["width: 33.33%", "width: 100.00%"]


def test_the_numbers_are_a_file_too(tmp_path):
  report.write(storage.Path(tmp_path), SAID, {"read": 1.25})
  assert json.loads((tmp_path / "report.json").read_text()) == SAID | {"seconds": {"read": 1.25}}
  assert (tmp_path / "report.html").read_text() == report.page(SAID, {"read": 1.25})


def test_a_corpus_of_which_nothing_was_dropped_has_a_page():
  assert "Dropped" in report.page(SAID | {"dropped": {}, "benchmarks": {}}, {})
