"""A report that says what the numbers say, and that nothing can truncate."""

import base64
import html.parser
import json
import re

import numpy as np
import pytest

from codegen_jax import files
from experiments import report
from tests.experiments.fake_results import CODE, CURVES, PNG_HEAD


class Tags(html.parser.HTMLParser):
  """Every tag and attribute; complains of one that closes what is not open."""

  def __init__(self, page):
    super().__init__()
    self.tags, self._open = [], []
    self.feed(page)
    assert not self._open

  def handle_starttag(self, tag, attrs):
    self.tags.append((tag, dict(attrs)))
    if tag not in ("meta", "img", "wbr"):
      self._open.append(tag)

  def handle_endtag(self, tag):
    assert self._open.pop() == tag


def test_folder_holds_strict_json_that_reads_back(results, tmp_path):
  results["arms"]["prefix"]["metrics"][CODE]["mean"] = float("nan")
  results["comparisons"][0]["difference"] = np.float32(0.5)
  path = report.write(results, CURVES, tmp_path / "new" / "folder")

  def refuse(name):
    raise AssertionError(f"{name} is no JSON")

  folder = tmp_path / "new" / "folder"
  got = json.loads((folder / "results.json").read_text(), parse_constant=refuse)
  assert got["arms"]["prefix"]["metrics"][CODE]["mean"] is None
  assert got["comparisons"][0]["difference"] == 0.5
  assert got["comparisons"][0]["interval_items"] == [0.04, 0.0612]
  assert got["arms"]["causal"] == results["arms"]["causal"]
  assert path == folder / "report.md"
  names = {"results.json", "report.md", "report.html", "loss_curves.png", "results.png"}
  assert {file.name for file in folder.iterdir()} == names


def test_json_refuses_what_it_cannot_hold(results, tmp_path):
  results["environment"]["path"] = tmp_path
  with pytest.raises(TypeError, match="JSON has no such thing"):
    report.write(results, CURVES, tmp_path)


def test_interrupted_write_leaves_the_old_results(results, tmp_path, monkeypatch):
  report.write(results, CURVES, tmp_path)
  before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

  def interrupt(_):
    raise KeyboardInterrupt

  # By then the new bytes are written, and only not yet under the name of the old ones.
  monkeypatch.setattr(files.os, "fsync", interrupt)
  results["comparisons"][0]["difference"] = 0.9
  with pytest.raises(KeyboardInterrupt):
    report.write(results, CURVES, tmp_path)
  assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_who_reads_the_old_results_meanwhile_reads_them_to_the_end(results, tmp_path):
  report.write(results, CURVES, tmp_path)
  before = (tmp_path / "results.json").read_text()
  with (tmp_path / "results.json").open() as reader:
    report.write(results | {"scale": "paper"}, CURVES, tmp_path)
    assert reader.read() == before
  assert '"paper"' in (tmp_path / "results.json").read_text()


def test_numbers_are_saved_even_where_their_picture_fails(results, tmp_path):
  broken = {"causal": [[{"step": 1, "train/loss": 8.0}]]}  # without its scored tokens
  with pytest.raises(KeyError):
    report.write(results, broken, tmp_path)
  assert json.loads((tmp_path / "results.json").read_text())["scale"] == "demo"


def test_page_needs_nothing_but_itself(results, tmp_path):
  report.write(results, CURVES, tmp_path)
  page = (tmp_path / "report.html").read_text()
  tags = Tags(page).tags
  sources = [a[k] for _, a in tags for k in ("src", "href", "srcset", "data") if k in a]
  assert all(source.startswith("data:image/png;base64,") for source in sources)
  assert "@import" not in page
  assert "url(" not in page
  assert not {tag for tag, _ in tags} & {"link", "script", "iframe", "object"}
  pictures = [a for tag, a in tags if tag == "img"]
  shown = [base64.b64decode(a["src"].split(",")[1]) for a in pictures]
  assert shown == [(tmp_path / f).read_bytes() for f in ("results.png", "loss_curves.png")]
  assert all(png.startswith(PNG_HEAD) for png in shown)
  assert all("causal, prefix" in a["alt"] for a in pictures)
  assert "prefers-color-scheme: dark" in page
  assert "@media print" in page
  assert ("meta", {"name": "viewport", "content": "width=device-width, initial-scale=1"}) in tags


def test_text_of_the_results_is_never_markup(results, tmp_path):
  evil = '"><script>alert(1)</script>'

  def poison(value):
    if isinstance(value, dict):
      return {key: poison(item) for key, item in value.items()}
    if isinstance(value, list):
      return [poison(item) for item in value]
    return value + evil if isinstance(value, str) else value

  poisoned = poison(results) | {"comparisons": results["comparisons"]}
  poisoned["metrics"][CODE]["better"] = "lower"
  poisoned["arms"] = {name + evil: one for name, one in poisoned["arms"].items()}
  report.write(poisoned, {name + evil: seeds for name, seeds in CURVES.items()}, tmp_path)
  page = (tmp_path / "report.html").read_text()
  assert "<script" not in page
  assert page.count("&lt;script&gt;") > 10
  Tags(page)
  in_code = re.compile(r"```.*?```", flags=re.DOTALL)  # where Markdown takes every < as it is
  prose = in_code.sub("", (tmp_path / "report.md").read_text())
  assert not re.search(r"(?<!\\)<script", prose)
