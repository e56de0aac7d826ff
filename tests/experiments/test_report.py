"""A report that says what the numbers say, and that nothing can truncate."""

import base64
import copy
import html.parser
import json
import re

import numpy as np
import pytest

from codegen_jax import files
from experiments import document, kept, plots, report, wording

CODE = "code/bits_per_byte"
PNG_HEAD = b"\x89PNG\r\n\x1a\n"


def comparison(**changes):
  return {
    "metric": CODE,
    "arm": "prefix",
    "baseline": "causal",
    "difference": 0.05,
    "per_seed": (0.045, 0.055),
    "interval_items": (0.04, 0.0612),
    "interval_seeds": (-0.0135, 0.1135),
    "interval": (-0.02, 0.12),
    "num_items": 30,
    "items": "document",
    "level": 0.95,
  } | changes


def metric(**changes):
  return {"description": "held-out code, bits per byte after a prompt", "better": "lower"} | changes


def arm(mean, description, **config):
  return {
    "description": description,
    "metrics": {CODE: {"mean": mean, "stderr": 0.0123, "per_seed": [mean - 0.01, mean + 0.01]}},
    "supervised_tokens": 1_000_000,
    "all_tokens": 1_024_000,
    "steps": 250,
    "seeds": 2,
    "parameters": 5_254_656,
    "config": {"model.num_layers": 4, "train.peak": 3e-4} | config,
  }


@pytest.fixture
def results():
  return {
    "experiment": "lesson1_prefix_lm",
    "scale": "demo",
    "question": "Does a prefix read both ways help?",
    "source": "CodeGen2, lesson 1 (arXiv 2305.02309)",
    "commands": ["python -m experiments.run lesson1_prefix_lm --scale=demo"],
    "corpus": {
      "local_code": {"fingerprint": "9f86d081", "files": 610, "held_out_files": 30},
      "local_prose": {"fingerprint": "2c26b46b", "files": 120, "version": "1.0.0"},
    },
    "arms": {
      "causal": arm(2.3112, "reads <pre> a | b <suf>", **{"data.mixture": "code_and_prose_clm"}),
      "prefix": arm(2.3612, "reads a prefix both ways", **{"data.mixture": "local_prefix"}),
    },
    "metrics": {CODE: metric()},
    "comparisons": [comparison()],
    "findings": [
      {
        "statement": "PrefixLM is worse.",
        "certainty": "a digest",
        "verdict": "not decided at this scale",
        "why": "the interval holds zero",
      }
    ],
    "matched": {
      "supervised_tokens": 500_000,
      "arms": {"causal": {CODE: {"mean": 2.5, "stderr": 0.01, "per_seed": [2.4, 2.6]}}},
    },
    "paper": {"finding": "About 1.3 points of HumanEval.", "certainty": "secondary source"},
    "method": ["Both arms see the same documents."],
    "caveats": ["The models are small."],
    "environment": {"python": "3.11.7", "numpy": np.__version__},
  }


@pytest.fixture
def tuned(results):
  """The same arms, measured after a run that begins with their weights."""
  for name, one in results["arms"].items():
    one["tuned"] = {
      "flan": {
        "supervised_tokens": 96_024, "all_tokens": 245_760, "steps": 30,
        "config": {"data.mixture": f"flan_{name}", "seed": 0}, "folder": "it-abc",
      }
    }  # fmt: skip
  return results


@pytest.fixture
def one_seed(results):
  for one in results["arms"].values():
    one["metrics"][CODE] |= {"stderr": None, "per_seed": one["metrics"][CODE]["per_seed"][:1]}
    one["seeds"] = 1
  results["comparisons"] = [comparison(per_seed=(0.05,), interval_seeds=None, interval=None)]
  return results


def rows(loss, tokens, steps=(1, 2, 3)):
  return [{"step": s, "train/loss": loss / s, "train/scored_tokens": tokens * s} for s in steps]


CURVES = {"causal": [rows(8.3, 4096), rows(8.2, 4096)], "prefix": [rows(8.4, 3000)] * 2}


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


def pipe_tables(text):
  """The Markdown tables of a text, as lists of rows of cells."""
  blocks = re.findall(r"(?:^\|.*\n?)+", text, flags=re.MULTILINE)
  split = re.compile(r"(?<!\\)\|")
  return [
    [[cell.strip() for cell in split.split(line)[1:-1]] for line in block.splitlines()]
    for block in blocks
  ]


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


def test_table_holds_every_number_in_words_and_columns(results):
  text = report.table(results)
  for shown in [
    *("causal", "prefix", CODE, "2.3112 ± 0.0123", "2.3612 ± 0.0123", "1,000,000", "+0.0500"),
    *("95%: +0.0400 to +0.0612 (30 documents)", "95%: -0.0135 to +0.1135 (2 seeds)"),
    *("About 1.3 points of HumanEval.", "secondary source"),
  ]:
    assert shown in text
  assert "zero lies outside the 95% interval over 30 documents and inside that over 2" in text
  assert "significant" not in text.lower()


def test_tables_have_as_many_cells_in_every_row_and_are_aligned(results, tmp_path):
  for text in (report.table(results), report.write(results, CURVES, tmp_path).read_text()):
    tables = pipe_tables(text)
    assert len(tables) >= 2
    for table in tables:
      assert len({len(row) for row in table}) == 1
      assert all(re.fullmatch("-{2,}:?", cell) for cell in table[1])
  lines = [line for line in report.table(results).splitlines() if line.startswith("| ")]
  assert len({len(line) for line in lines[:4]}) == 1
  with pytest.raises(ValueError, match="3 cells under 2"):
    document.Table(["a", "b"], [["1", "2", "3"]]).markdown()


def test_a_verdict_stands_on_the_page_with_its_finding_and_its_reason(results, tmp_path):
  page = report.write(results, CURVES, tmp_path).read_text()
  header, _, row = pipe_tables(page)[0]
  assert header[:2] == ["finding of the paper", "verdict"]
  said = ["PrefixLM is worse.", "not decided at this scale", "the interval holds zero", "a digest"]
  assert row == said
  assert said[1] in report.table(results)


def test_arms_after_as_many_targets_have_a_table_of_their_own(results, tmp_path):
  page = report.write(results, CURVES, tmp_path).read_text()
  assert "After as many supervised tokens (500,000)" in page
  assert ["causal", "2.5000 ± 0.0100"] in [row for table in pipe_tables(page) for row in table]
  results["matched"] = {}
  assert "After as many" not in report.write(results, CURVES, tmp_path).read_text()


def test_what_was_measured_meanwhile_is_a_third_picture(results, tmp_path):
  curves = {CODE: {"causal": [[(100, 1e5, 3.0), (200, 2e5, 2.0)]] * 2}}
  report.write(results, CURVES, tmp_path, measured=curves)
  assert (tmp_path / "metric_curves.png").read_bytes().startswith(PNG_HEAD)
  assert "metric_curves.png" in (tmp_path / "report.md").read_text()


def test_sentinels_and_bars_survive_in_markdown(results, tmp_path):
  text = report.write(results, CURVES, tmp_path).read_text()
  assert r"reads \<pre> a \| b \<suf>" in text


def test_one_seed_has_no_error_and_says_so(one_seed, tmp_path):
  page = report.write(one_seed, CURVES, tmp_path).read_text()
  assert "2.3112 (1 seed)" in page
  assert "1 seed cannot give an interval" in page
  assert "over 1 seed: unknown" in page
  assert "None" not in page


def test_arm_without_a_number_shows_a_dash(results, tmp_path):
  results["arms"]["causal"]["metrics"] = {}
  results["arms"]["prefix"]["metrics"][CODE] |= {"mean": float("nan"), "per_seed": [2.3, np.nan]}
  results["comparisons"] = [comparison(difference=np.nan, per_seed=(0.1, np.nan))]
  page = report.write(results, CURVES, tmp_path).read_text()
  assert pipe_tables(page)[1][2:] == [[name, "—", "1,000,000"] for name in ("causal", "prefix")]
  assert "could not be compared" in page
  assert "nan" not in page


def test_no_comparison_is_said_and_draws_no_difference(results, tmp_path):
  results["comparisons"] = []
  assert "Nothing was compared" in report.write(results, CURVES, tmp_path).read_text()


def test_setup_shows_only_the_settings_that_differ(results, tmp_path):
  page = report.write(results, CURVES, tmp_path).read_text()
  table = next(table for table in pipe_tables(page) if table[0][0] == "setting")
  assert table[2:] == [["data.mixture", "code_and_prose_clm", "local_prefix"]]
  assert "model.num_layers = 4" in page  # in the full config, folded away
  corpus = next(table for table in pipe_tables(page) if table[0][0] == "corpus")
  assert ["version", "—", "1.0.0"] in corpus


def test_a_run_that_begins_with_an_arm_s_weights_has_its_row_and_its_settings(tuned, tmp_path):
  page = report.write(tuned, CURVES, tmp_path).read_text()
  rows = [row for table in pipe_tables(page) for row in table]
  assert any(row[0] == "causal" and row[-1] == "1,000,000, then 96,024 (flan)" for row in rows)
  assert ["causal: flan", "begins with its weights", "5,254,656", "30", "2", "245,760"] in rows
  assert ["flan: data.mixture", "flan_causal", "flan_prefix"] in rows
  assert "flan: seed = 0" in page and not any("flan: seed" in row for row in rows)
  slim = kept.slim(tuned)["arms"]["prefix"]
  assert slim["tuned"]["flan"]["config"] == {"data.mixture": "flan_prefix"}
  assert slim["tuned"]["flan"]["steps"] == 30 and slim["config"] == {"data.mixture": "local_prefix"}


def test_a_long_cell_is_cut_and_results_json_has_it_whole(results, tmp_path):
  answers = {f"answer {n}": n for n in range(100)}
  results["corpus"]["local_code"]["train"] = {"answers": answers}
  page = report.write(results, CURVES, tmp_path).read_text()
  corpus = next(table for table in pipe_tables(page) if table[0][0] == "corpus")
  (cell,) = (row[1] for row in corpus if row[0] == "train")
  assert cell.endswith("…") and len(cell) == 200
  whole = json.loads((tmp_path / "results.json").read_text())
  assert whole["corpus"]["local_code"]["train"]["answers"] == answers


@pytest.mark.parametrize(
  ("changes", "better", "said"),
  [
    (
      {},
      "lower",
      "On held-out code the prefix arm needs 0.0500 bits per byte more than the causal",
    ),
    ({"difference": -0.02}, "lower", "needs 0.0200 bits per byte less than the causal arm"),
    ({"difference": 0.02}, "higher", "reaches 0.0200 bits per byte more than the causal arm"),
    ({"difference": 0.0}, "lower", "needs as many bits per byte as the causal arm"),
    ({}, "lower", "95% over 30 documents: +0.0400 to +0.0612; over 2 seeds: -0.0135 to +0.1135"),
    ({"level": 0.9}, "lower", "90% over 30 documents"),
  ],
)
def test_answer_follows_the_numbers(changes, better, said):
  assert said in wording.answer(comparison(**changes), metric(better=better))


def test_answer_names_the_metric_where_its_description_has_no_subject():
  got = wording.answer(comparison(), metric(description="bits, more or less"))
  assert got.startswith("By code/bits_per_byte the prefix arm")


OUT, BELOW, IN = (0.01, 0.02), (-0.02, -0.01), (-0.01, 0.02)


@pytest.mark.parametrize(
  ("over_documents", "over_seeds", "said"),
  [
    (OUT, OUT, "30 documents and outside that over 2 seeds; neither other documents nor"),
    (BELOW, BELOW, "30 documents and outside that over 2 seeds; neither other documents nor"),
    (OUT, IN, "outside the 95% interval over 30 documents and inside that over 2 seeds; other doc"),
    (IN, OUT, "inside the 95% interval over 30 documents and outside that over 2 seeds; other tra"),
    (IN, IN, "over 2 seeds; the sign is not settled"),
    (IN, None, "2 seeds cannot give an interval; the sign is not settled"),
    ((0.0, 0.1), IN, "the sign is not settled"),
    (
      None,
      OUT,
      "30 documents cannot give an interval and zero lies outside the 95% interval over 2",
    ),
  ],
)
def test_verdict_names_the_interval_and_where_zero_lies(over_documents, over_seeds, said):
  got = wording.verdict(comparison(interval_items=over_documents, interval_seeds=over_seeds))
  assert said in got


@pytest.mark.parametrize(
  ("value", "shown"),
  [(2.31, "2.3100"), (0.0, "0.0000"), (-0.05, "-0.0500"), (1.2e-5, "1.2e-05"), (None, "—")],
)
def test_number_never_rounds_a_small_value_to_zero(value, shown):
  assert wording.number(value) == shown


def test_equal_results_draw_equal_bytes(results):
  content = report.strict(results)
  assert plots.results(content) == plots.results(copy.deepcopy(content))
  assert plots.loss_curves(CURVES) == plots.loss_curves(copy.deepcopy(CURVES))
  assert b"Software" not in plots.results(content)
  moved = CURVES | {"prefix": [rows(8.5, 3000)] * 2}
  assert plots.loss_curves(moved) != plots.loss_curves(CURVES)


def test_curve_of_an_arm_ends_where_its_shortest_seed_does():
  short, long = rows(8.0, 10, steps=(1, 2)), rows(6.0, 30, steps=(1, 2, 3))
  steps, tokens, losses = plots._aligned([short, [*long, {"step": 2, "eval/loss": 1.0}]])
  assert steps.tolist() == [1, 2]
  assert tokens.tolist() == [20, 40]
  assert losses.tolist() == [[8, 4], [6, 3]]
  assert plots.loss_curves({"causal": [short, long], "prefix": [[], long]}).startswith(PNG_HEAD)
  assert plots.loss_curves({}).startswith(PNG_HEAD)


def test_arms_that_share_no_item_are_not_said_to(results, tmp_path):
  said = report.write(results, CURVES, tmp_path).read_text()
  assert "Paired differences" in said and "Arms share their held-out documents" in said
  for metric in results["metrics"].values():
    metric["paired"] = False
  said = report.write(results, CURVES, tmp_path).read_text()
  assert "Paired differences" not in said and "Arms share their held-out documents" not in said
