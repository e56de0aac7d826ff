"""Rows outlive a kill, and a damaged file is never read as if it were whole."""

import json

import pytest

from codegen_jax.errors import InputError
from codegen_jax.evaluation.records import Records

ROWS = [{"id": n, "text": text} for n, text in enumerate(["a", "b\u2028c\x85d", "é\n", '"'])]


def key(row):
  return row["id"]


def opened(path) -> dict:
  with Records(path, key) as records:
    return dict(records.rows)


@pytest.fixture
def path(tmp_path):
  path = tmp_path / "new" / "rows.jsonl"
  with Records(path, key) as records:
    for row in ROWS:
      records.add(row)
      assert records.rows[row["id"]] == row
  return path


def test_rows_are_found_again_under_their_keys_whatever_text_they_hold(path):
  assert opened(path) == {row["id"]: row for row in ROWS}
  assert [json.loads(line) for line in path.read_text().split("\n")[:-1]] == ROWS


def test_a_row_is_on_disk_before_the_next_is_made(tmp_path):
  path = tmp_path / "rows.jsonl"
  with Records(path, key) as records:
    records.add(ROWS[0])
    assert json.loads(path.read_text()) == ROWS[0]


def test_wherever_a_kill_cuts_the_file_whole_rows_stay_and_the_cut_one_is_made_again(path):
  content = path.read_bytes()
  for size in range(len(content)):
    path.write_bytes(content[:size])
    whole = content[:size].count(b"\n")
    assert opened(path) == {row["id"]: row for row in ROWS[:whole]}
    with Records(path, key) as records:
      for row in ROWS[whole:]:
        records.add(row)
    assert path.read_bytes() == content


@pytest.mark.parametrize("line", ["{", "[]", "{}", "3", ""])
def test_a_line_that_is_damaged_is_told_and_nothing_is_lost(line, path):
  rows = path.read_text().splitlines(keepends=True)
  damaged = "".join([rows[0], line + "\n", *rows[1:]])
  path.write_text(damaged)
  with pytest.raises(InputError, match=r"rows.jsonl:2 is damaged .* delete the line"):
    opened(path)
  assert path.read_text() == damaged


def test_rows_that_came_before_an_error_are_kept(tmp_path):
  path = tmp_path / "rows.jsonl"
  with pytest.raises(KeyboardInterrupt), Records(path, key) as records:
    records.add(ROWS[0])
    raise KeyboardInterrupt
  assert opened(path) == {0: ROWS[0]}
