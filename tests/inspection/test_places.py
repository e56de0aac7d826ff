import itertools
import re

import numpy as np
import pytest

from codegen_jax.inspection import places, spelling
from codegen_jax.models import masks
from tests.inspection import texts

SPECIAL = texts.VOCABULARY.is_special()


def documents(task: str, index: int, attention: str = "causal", **changes) -> list:
  row = texts.reader(task, **changes).inspect(index)
  scored = np.asarray(masks.scored_targets(row.batch, attention))[0]
  return places.documents(row, scored, SPECIAL)


def flat(task: str, index: int, attention: str = "causal") -> list:
  return [place for document in documents(task, index, attention) for place in document.places]


@pytest.mark.parametrize("task", texts.TASKS)
def test_places_are_the_tokens_of_the_row_with_their_facts(task):
  for index in range(20):
    batch = texts.reader(task).row(index)
    found = flat(task, index, "bidirectional" if task.endswith("mlm") else "causal")
    n = len(found)
    assert [place.token for place in found] == batch.inputs[0, :n].tolist()
    assert [place.prefix for place in found] == batch.prefix_mask[0, :n].tolist()
    assert [place.position for place in found] == batch.positions[0, :n].tolist()
    assert [place.special for place in found] == SPECIAL[batch.inputs[0, :n]].tolist()
    assert not batch.segment_ids[0, n:].any()


@pytest.mark.parametrize("attention", ["causal", "prefix"])
def test_a_token_is_scored_where_the_place_before_it_has_it_as_a_scored_target(attention):
  for index in range(20):
    batch = texts.reader("texts_code_psm").row(index)
    scored = np.asarray(masks.scored_targets(batch, attention))[0]
    found = flat("texts_code_psm", index, attention)
    for before, place in enumerate(found[1:]):
      assert place.scored == scored[before]
      assert not place.scored or place.token == batch.targets[0, before]
    assert not found[0].scored
    assert sum(place.scored for place in found) == scored.sum() > 0


def test_in_place_the_answer_stands_with_what_hides_it():
  (mask,) = texts.ids("<mask_1>").tolist()
  plain, hidden = flat("texts_code_clm", 3), flat("texts_code_mlm", 3, "bidirectional")
  assert any(place.asked is not None and place.token == mask for place in hidden)
  for one, other in zip(plain, hidden, strict=True):
    assert other.scored == (other.asked is not None)
    assert one.token == (other.asked if other.scored else other.token)


def test_what_was_made_into_one_document_names_all_that_went_in():
  row = texts.reader("texts_code_spans_row").inspect(0)
  (one,) = documents("texts_code_spans_row", 0)
  assert len(row.paths) > 1 and one.paths == row.paths
  several = documents("texts_code_spans", 0)
  assert [document.paths for document in several] == [
    (path,) for path in texts.reader("texts_code_spans").inspect(0).paths
  ]


def test_a_path_cannot_break_the_line_that_it_stands_on():
  assert places.Document(1, ("a\x1b.py", "b.py"), ()).title == "a\\x1b.py, b.py"


@pytest.mark.parametrize("task", texts.TASKS)
def test_runs_are_alike_inside_and_hold_every_token(task):
  for index in range(20):
    for document in documents(task, index, "bidirectional" if "mlm" in task else "causal"):
      runs = places.runs(document.places, texts.VOCABULARY)
      if all(path.startswith("<b>") for path in document.paths):  # a token is a whole character
        tokens = [place.token for place in document.places]
        assert "".join(run.text for run in runs) == spelling.spell(texts.VOCABULARY, *tokens)
      kinds = [(run.scored, run.prefix, run.special) for run in runs if run.asked is None]
      if "mlm" not in task:
        assert all(kind != following for kind, following in itertools.pairwise(kinds))


def test_a_special_token_shares_no_run_with_text():
  for index in range(20):
    for document in documents("texts_code_psm", index):
      for run in places.runs(document.places, texts.VOCABULARY):
        names = re.findall(r"<fim_[a-z]+>|<\|endoftext\|>", run.text)
        assert ("".join(names) == run.text) if run.special else not names


def test_characters_of_several_tokens_are_whole_in_a_run():
  def place(token: int, scored: bool = True) -> places.Place:
    return places.Place(token, scored, None, prefix=False, special=False, position=0)

  smile = texts.VOCABULARY.encode("🙂")
  (run,) = places.runs([place(token) for token in smile], texts.VOCABULARY)
  assert run.text == "🙂"
  cut = places.runs([place(token, i < 2) for i, token in enumerate(smile)], texts.VOCABULARY)
  assert [run.text for run in cut] == ["\\xf0\\x9f", "\\x99\\x82"]
  assert places.runs([], texts.VOCABULARY) == []


def test_two_that_are_asked_for_are_two_runs_and_their_answers_break_no_line():
  (mask,) = texts.ids("<mask_1>").tolist()
  (newline,) = texts.VOCABULARY.encode("\n")
  asked = places.Place(mask, True, newline, prefix=False, special=True, position=0)
  assert [run.asked for run in places.runs([asked, asked], texts.VOCABULARY)] == ["↵", "↵"]
