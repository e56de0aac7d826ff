"""What our rows are compared with is right itself; the benchmark runs and says its figures."""

import json
import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest

from benchmarks import python_fim, tf_pipelines
from codegen_jax.data import batching
from codegen_jax.data.objectives import CODEGEN2, T5, Example
from tasks import embedded
from tests.data.objectives.inverses import undo_infill, undo_spans
from tests.data.objectives.words import EOS, WORDS

ROOT = pathlib.Path(__file__).resolve().parents[1]
L = 64

# Empty, of one token, of as much as a row holds and of more; their letters repeat, with id 0.
# Infilled, each has its end and three more, so that the first four fill a row.
LENGTHS = (7, 0, 1, 40, L - 1, 30, 2, 300, L, 61, 15)
DOCUMENTS = [[*np.random.default_rng(n).integers(0, 10, n).tolist(), EOS] for n in LENGTHS]
TEXT = [token for document in DOCUMENTS for token in document]


def packed(objective: str, seed: int = 0) -> dict[str, np.ndarray]:
  """All rows that seqio packs, under its names."""
  arrays = [np.array(document) for document in DOCUMENTS]
  rows = tf_pipelines.pipeline(objective, arrays, WORDS, length=L, seed=seed)
  rows = list(rows.as_numpy_iterator())
  return {name: np.stack([row[name] for row in rows]) for name in rows[0]}


def pieces(rows: dict[str, np.ndarray], name: str = "decoder_target_tokens") -> list[list[int]]:
  """One feature of each piece, in their order; tokens under the ids of the vocabulary."""
  one_higher = name == "decoder_target_tokens"
  return [
    (values[segments == segment] - one_higher).tolist()
    for values, segments in zip(rows[name], rows["decoder_segment_ids"], strict=True)
    for segment in range(1, segments.max() + 1)
  ]


@pytest.mark.parametrize("objective", tf_pipelines.OBJECTIVES)
def test_rows_of_seqio_are_packed_and_their_positions_count_pieces(objective):
  rows = packed(objective)
  assert rows["decoder_segment_ids"].shape[1] == L
  assert len(rows["decoder_segment_ids"]) < len(pieces(rows))  # some share a row
  for counted in pieces(rows, "decoder_positions"):
    assert counted == list(range(len(counted)))


@pytest.mark.parametrize("objective", ["clm", "prefix_lm"])
def test_plain_pieces_are_the_documents(objective):
  rows = packed(objective)
  assert [token for piece in pieces(rows) for token in piece] == TEXT
  assert max(map(len, pieces(rows))) == L


@pytest.mark.parametrize("objective", ["psm_token", "psm_token_prefix"])
def test_infilled_pieces_hold_the_documents(objective):
  undone = [undo_infill(piece) for piece in pieces(packed(objective))]
  assert [token for sections in undone for section in sections for token in section] == TEXT
  prefixes, middles, suffixes = ({len(s[i]) for s in undone} for i in range(3))
  assert min(len(prefixes), len(middles), len(suffixes)) > 4


@pytest.mark.parametrize(
  ("objective", "form"), [("span_corruption", CODEGEN2), ("t5", T5)], ids=["codegen2", "t5"]
)
def test_corrupted_pieces_hold_the_documents(objective, form):
  text, counts = [], []
  for piece in pieces(packed(objective)):
    if len(piece) > 2:
      # A piece of the middle of a document ends in </s> too.
      (*body, _), spans = undo_spans(piece, form)
      n = len(body)
      counts.append(len(spans))
      low, high = (0.15, 0.15) if form == T5 else (0.05, 0.5)
      assert max(round(n * low), 1) <= sum(spans) <= max(round(n * high), 1)
    else:
      body = [token for token in piece if token != EOS]
    text += body
  assert text == [token for token in TEXT if token != EOS]
  assert len(set(counts)) > 1


@pytest.mark.parametrize(
  ("objective", "form"),
  [("prefix_lm", None), ("psm_token_prefix", None), ("span_corruption", CODEGEN2), ("t5", T5)],
)
def test_a_prefix_ends_where_the_objective_says(objective, form):
  rows = packed(objective)
  names = "decoder_target_tokens", "decoder_causal_attention", "decoder_loss_weights"
  lengths = set()
  for tokens, open_, weights in zip(*(pieces(rows, name) for name in names), strict=True):
    prefix = min(sum(open_), len(tokens)) - 1  # seqio counts the place that predicts what follows
    assert open_ == [1] * (prefix + 1) + [0] * (len(tokens) - prefix - 1)
    if objective == "psm_token_prefix":
      assert tokens[prefix] == WORDS.special_id("<fim_middle>")
    elif form and prefix:
      assert tokens[prefix] == WORDS.mask_ids()[0]
      assert tokens[prefix - 1] == (WORDS.special_id("<sep>") if form == CODEGEN2 else EOS)
    scored = prefix if objective in ("prefix_lm", "t5") else 0
    assert weights == [0] * scored + [1] * (len(tokens) - scored)
    lengths.add(prefix)
  assert len(lengths) > 4


@pytest.mark.parametrize("objective", ["prefix_lm", "psm_token", "span_corruption", "t5"])
def test_the_noise_of_seqio_is_that_of_its_seed(objective):
  once, again, other = packed(objective, 1), packed(objective, 1), packed(objective, 2)
  for name in once:
    np.testing.assert_array_equal(once[name], again[name])
  assert pieces(once) != pieces(other) or objective == "prefix_lm"
  assert any(not np.array_equal(once[name], other[name]) for name in once)


def test_infilling_in_python_makes_the_rows_that_our_batching_makes():
  made = [*python_fim.batches(DOCUMENTS, WORDS, length=L, size=3, seed=0)]
  assert [len(batch.inputs) for batch in made[:-1]] == [3] * (len(made) - 1)
  batch, text = batching.stack(made), []
  for row, segments in enumerate(batch.segment_ids):
    tokens = batch.inputs[row, segments > 0]
    for segment in range(1, segments.max() + 1):
      here = segments == segment
      sections = undo_infill(batch.inputs[row, here].tolist())
      assert batch.prefix_mask[row, here].sum() == 3 + len(sections[0]) + len(sections[2])
      text += [token for section in sections for token in section]
    inside = batch.prefix_mask[row, segments > 0]
    example = Example(tokens, np.ones(len(tokens), bool), inside, segments[segments > 0])
    expected = batching.to_row(example, L)
    for name in batching.FIELDS:
      got = getattr(batch, name)[row : row + 1]
      np.testing.assert_array_equal(got, getattr(expected, name), err_msg=name)
      assert got.dtype == getattr(expected, name).dtype
  assert text == TEXT
  assert batch.segment_ids[0].all() and batch.segment_ids[0].max() == 4


@pytest.mark.slow
def test_the_benchmark_runs_and_its_last_line_holds_every_figure():
  asked = ["clm", "psm_token", "psm"]
  command = [sys.executable, "-m", "benchmarks.data", "--quick", "--seq_len", "64", "128"]
  environment = {k: v for k, v in os.environ.items() if k != embedded.CODE_VARIABLE}
  done = subprocess.run(
    [*command, "--objectives", *asked], cwd=ROOT, env=environment, capture_output=True, text=True
  )
  assert done.returncode == 0, done.stderr
  told = json.loads(done.stdout.splitlines()[-1])
  assert told.keys() == {
    *("documents", "mean_document", "batch_size", "rounds", "cores", "rates", "memory")
  }
  assert [(rate["seq_len"], rate["objective"]) for rate in told["rates"]] == [
    (length, objective) for length in (64, 128) for objective in asked
  ]
  ways = {"clm": {"seqio"}, "psm_token": {"seqio", "python"}, "psm": set()}
  for rate in told["rates"]:
    measured = {"codegen_jax", *ways[rate["objective"]]}
    assert rate.keys() == {"seq_len", "objective", "two_processes", *measured}
    assert rate["two_processes"] > 0
    for way in measured:
      assert rate[way].keys() == {"per_cpu_second", "per_second"}
      assert min(rate[way].values()) > 0
  assert [one["objective"] for one in told["memory"]] == ["psm_token", "span_corruption"]
  for one in told["memory"]:
    assert one.keys() == {"objective", "seq_len", "tokens", "growth_mib"}
  assert "rows of 128 tokens" in done.stdout
  assert "round 1 of 1, psm" in done.stderr
