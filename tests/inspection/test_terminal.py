import re

import pytest

from codegen_jax.inspection import marks, summary, tally, terminal
from codegen_jax.inspection.histogram import Histogram
from codegen_jax.inspection.tally import Counts, Report
from tests.inspection import texts


def lines(mixture: str, *, rows=range(3), count=20, attention="causal", width=80, **config) -> list:
  reader = texts.reader(mixture, **config)
  report = tally.tally(reader, range(count), attention)
  return list(terminal.text(reader, rows, report, marks=marks.Signs(attention), width=width))


def unsigned(text: str) -> str:
  return re.sub("[⟦⟧‹›]", "", text).replace("↵\n", "\n").replace("⇥\t", "\t")


def test_without_marks_the_documents_of_a_row_are_their_texts():
  reader = texts.reader("texts_code_clm", seq_len=700)
  report = tally.tally(reader, range(2), "causal")
  found = set()
  for index in range(reader.num_rows):
    shown = terminal.row(reader, index, report, marks=marks.Signs("causal"), width=80)
    text = unsigned("\n".join(shown))
    for path in reader.inspect(index).paths[1:-1]:  # those that no row cuts
      if path != "colour.py":  # whose text is shown as numbers
        assert f"── {path} ─" in text
        assert f"\n{texts.CODE[path]}<|endoftext|>" in text
        found.add(path)
  assert len(found) > 15


def test_a_prefix_is_enclosed_once_a_document():
  reader = texts.reader("texts_code_prefix_lm")
  report = tally.tally(reader, range(2), "prefix")
  for index in range(10):
    row = reader.inspect(index)
    shown = "\n".join(terminal.row(reader, index, report, marks=marks.Signs("prefix"), width=80))
    with_prefix = {*row.batch.segment_ids[row.batch.prefix_mask].tolist()}
    assert shown.count("⟦") == shown.count("⟧") == len(with_prefix)


def test_each_document_has_a_border_with_its_path_and_padding_is_told():
  reader = texts.reader("texts_code_spans")
  report = tally.tally(reader, range(2), "causal")
  several = next(i for i in range(99) if len(reader.inspect(i).paths) > 2)
  row = reader.inspect(several)
  shown = list(terminal.row(reader, several, report, marks=marks.Signs("causal"), width=60))
  borders = [line for line in shown if line.startswith("── ")]
  assert [border.strip("─ ") for border in borders] == [*row.paths]
  padding = int((row.batch.segment_ids == 0).sum())
  assert shown[-1] == f"… {padding} padding"
  assert shown[0].startswith(f"══ row {several} of texts_code_spans ═") and len(shown[0]) == 60
  scored = int(row.batch.loss_mask.sum())
  assert shown[1] == (
    f"{texts.L - padding} tokens, {scored} scored, {row.batch.prefix_mask.sum()} of a prefix"
  )


def test_nothing_in_a_document_can_colour_the_terminal():
  text = "\n".join(lines("texts_code_clm", rows=range(30)))
  assert "\\x1b[31mred" in text and "\x1b" not in text and "\u202e" not in text


def test_special_tokens_have_their_names():
  text = "\n".join(lines("texts_code_psm", rows=range(9)))
  for name in ("<fim_prefix>", "<fim_suffix>", "<fim_middle>", "<|endoftext|>"):
    assert name in text
  assert re.search(
    r"\{<mask_1>→[^}]+\}", "\n".join(lines("texts_code_mlm", attention="bidirectional"))
  )


def test_the_counts_stand_in_the_table():
  text = lines("texts_mixed", count=40)
  report = tally.tally(texts.reader("texts_mixed"), range(40), "causal")
  (tokens,) = [line for line in text if line.startswith("tokens  ")]
  cells = [f"{c.tokens:,}" for c in (*report.tasks.values(), report.total)]
  assert tokens.split()[1:] == cells
  (rates,) = [line for line in text if line.startswith("rate of the mixture")]
  assert rates.split()[4:] == ["75.00%", "25.00%"]
  (share,) = [line for line in text if line.startswith("share of the text")]
  told = [float(cell.rstrip("%")) for cell in share.split()[4:]]
  assert told == pytest.approx(
    [100 * c.read / report.total.read for c in report.tasks.values()], abs=0.006
  )
  (scored,) = [line for line in text if line.startswith("scored, attention causal")]
  assert scored.endswith(f"{report.total.scored['causal'] / report.total.tokens:.1%}")


def test_a_task_alone_has_neither_a_total_nor_shares():
  text = "\n".join(lines("texts_code_clm"))
  assert "share of the text" not in text and " all\n" not in text


def test_a_wide_table_is_broken_into_blocks_that_fit():
  counts = Counts(rows=1, scored={"causal": 5, "prefix": 3}, tokens=10, places=12, read=9)
  tasks = {f"a_task_with_a_long_name_{i}": counts for i in range(6)}
  config = texts.reader("texts_mixed").config
  report = Report(config, "causal", 9, dict.fromkeys(tasks, 1 / 6), tasks)
  broken = list(terminal.table(report, width=90))
  assert max(map(len, broken)) <= 90 and broken.count("") == 3  # two columns at a time, and all
  for name in (*tasks, "all"):
    assert sum(name in line.split() for line in broken) == 1
  assert len(list(terminal.table(report, width=300))) == len(summary.columns(report)[0]) + 1


def test_bars_are_as_long_as_their_counts():
  drawn = Histogram("t", "s", (("a", 80), ("b", 40), ("c", 1), ("d", 0), ("e", 3)))
  head, *bars = terminal.bars(drawn)
  assert head == "t: s"
  assert [bar.count("█") for bar in bars] == [40, 20, 0, 0, 1]
  assert [bar.split()[2:] for bar in bars[2:]] == [["▌"], [], ["█▌"]]
  least = list(terminal.bars(Histogram("t", "s", (("a", 10_000), ("b", 1)))))[-1]
  assert least.endswith(" ▏")


def test_documents_left_as_they_were_are_told_with_the_first():
  text = lines("texts_code_spans", seq_len=16, count=100)
  start = text.index(summary.LEFT)
  report = tally.tally(texts.reader("texts_code_spans", seq_len=16), range(100), "causal")
  assert len(text[start + 1 :]) == len(report.total.left) > 1
  for (why, left), line in zip(report.total.left.items(), text[start + 1 :], strict=True):
    assert line == f"  {left.documents} of texts_code_spans: {why}; the first is {left.first}"


def test_both_histograms_follow_the_table():
  text = "\n".join(lines("texts_code_spans"))
  report = tally.tally(texts.reader("texts_code_spans"), range(20), "causal")
  assert f"mask ratio of documents: {len(report.total.ratios)} documents" in text
  assert f"span length in tokens: {sum(report.total.spans.values())} spans" in text
