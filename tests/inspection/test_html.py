from html.parser import HTMLParser
import re

import pytest

from codegen_jax.inspection import html, tally
from tests.inspection import texts

VOID = {"meta"}


class Page(HTMLParser):
  """A page as a browser reads it: tags in balance, text unescaped, tokens with their tips."""

  def __init__(self, source: str):
    super().__init__()
    self.open: list[str] = []
    self.tags: set[str] = set()
    self.attributes: set[str] = set()
    self.text = ""
    self.tips: list[tuple[str, str]] = []  # class, title
    self.tokens: list[str] = []
    self.feed(source)
    self.close()
    assert self.open == []

  def handle_starttag(self, tag, attributes):
    told = dict(attributes)
    self.tags.add(tag)
    self.attributes |= told.keys()
    if tag not in VOID:
      self.open.append(tag)
    if "title" in told:
      self.tips.append((told["class"], told["title"]))
      self.tokens.append("")

  def handle_endtag(self, tag):
    assert self.open.pop() == tag

  def handle_data(self, data):
    self.text += data
    if self.tokens and "span" in self.open:
      self.tokens[-1] += data


def read(mixture: str, *, rows=range(3), attention="causal") -> tuple[str, Page]:
  reader = texts.reader(mixture)
  source = html.page(reader, rows, tally.tally(reader, range(20), attention))
  return source, Page(source)


@pytest.mark.parametrize("task", texts.TASKS)
def test_a_page_is_in_balance_and_loads_and_runs_nothing(task):
  attention = "bidirectional" if task.endswith("mlm") else "causal"
  source, page = read(task, rows=range(9), attention=attention)
  assert page.tags <= {
    *("html", "head", "meta", "title", "style", "body", "main", "section", "div", "span", "b"),
    *("h1", "h2", "h3", "h4", "p", "ul", "li"),
    *("table", "thead", "tbody", "tr", "th", "td", "caption"),
  }
  assert not page.attributes & {"src", "href", "onload", "onclick"}
  assert "url(" not in source and "@import" not in source
  assert source.startswith("<!doctype html>") and "default-src 'none'" in source


def test_text_of_documents_and_paths_is_escaped():
  reader = texts.reader("texts_code_clm")
  source, page = read("texts_code_clm", rows=range(reader.num_rows))
  assert "<script" not in source and "<b>0</b>" not in source
  assert "script" not in page.tags
  assert '<script>alert("1")</script> & more↵\n' in page.text
  assert "<b>0</b>.py" in page.text


def test_nothing_that_cannot_be_printed_is_in_it():
  source, _ = read("texts_code_clm", rows=range(30))
  assert {c for c in source if not c.isprintable()} <= {"\n", "\t"}


@pytest.mark.parametrize("attention", ["causal", "prefix"])
def test_each_token_tells_its_id_its_place_and_its_facts(attention):
  reader = texts.reader("texts_code_psm")
  _, page = read("texts_code_psm", rows=[4], attention=attention)
  row = reader.inspect(4)
  batch, n = row.batch, len(row.example.tokens)
  assert len(page.tips) == n
  special = texts.VOCABULARY.is_special()
  report = tally.tally(reader, [4], attention)
  assert sum("scored" in tip for _, tip in page.tips) == report.total.scored[attention] > 0
  for i, (kind, tip) in enumerate(page.tips):
    token = int(batch.inputs[0, i])
    assert tip.startswith(
      f"id {token}, position {batch.positions[0, i]}, segment {batch.segment_ids[0, i]}"
    )
    assert ("prefix" in tip) == ("p" in kind.split()) == batch.prefix_mask[0, i]
    assert ("special" in tip) == ("x" in kind.split()) == special[token]
    assert ("scored" in tip) == ("s" in kind.split())


def test_in_place_the_tip_and_the_text_tell_what_is_asked_for():
  _, page = read("texts_code_mlm", rows=[0], attention="bidirectional")
  batch = texts.reader("texts_code_mlm").row(0)
  for i, (_, tip) in enumerate(page.tips):
    asked = f"asked for id {batch.targets[0, i]}"
    assert tip.endswith(asked) == batch.loss_mask[0, i]
    assert ("→" in page.tokens[i]) == batch.loss_mask[0, i]


def test_counts_and_histograms_are_those_of_the_report():
  source, page = read("texts_mixed")
  report = tally.tally(texts.reader("texts_mixed"), range(20), "causal")
  assert f"{report.total.tokens:,}" in page.text and "75.00%" in page.text
  widths = [float(width) for width in re.findall(r"width: ([0-9.]+)%\"", source)]
  assert max(widths) == 100.0 and min(widths) == 0.0
  assert f"{len(report.total.ratios):,} documents, mean" in page.text


def test_it_can_be_read_in_the_dark():
  source, _ = read("texts_code_clm")
  assert "prefers-color-scheme: dark" in source and 'content="light dark"' in source
