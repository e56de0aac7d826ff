"""What a report's page says, read from its Markdown."""

import json
import re

import numpy as np
import pytest

from experiments import document, kept, report
from tests.experiments.fake_results import CODE, CURVES, PNG_HEAD, comparison


def pipe_tables(text):
  """The Markdown tables of a text, as lists of rows of cells."""
  blocks = re.findall(r"(?:^\|.*\n?)+", text, flags=re.MULTILINE)
  split = re.compile(r"(?<!\\)\|")
  return [
    [[cell.strip() for cell in split.split(line)[1:-1]] for line in block.splitlines()]
    for block in blocks
  ]


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


def test_arms_that_share_no_item_are_not_said_to(results, tmp_path):
  said = report.write(results, CURVES, tmp_path).read_text()
  assert "Paired differences" in said and "Arms share their held-out documents" in said
  for metric in results["metrics"].values():
    metric["paired"] = False
  said = report.write(results, CURVES, tmp_path).read_text()
  assert "Paired differences" not in said and "Arms share their held-out documents" not in said
