"""A question is read, its answer is scored."""

import numpy as np
import pytest

from codegen_jax.data import batching
from codegen_jax.data.objectives import Answer, PerFile
from codegen_jax.errors import InputError
from codegen_jax.models import masks
from tests.data.objectives.words import EOS, WORDS, Words, parts, row

SEP, MASK = WORDS.special_id("<sep>"), WORDS.special_id("<mask_1>")
UNUSED = np.random.default_rng(0)
ROW = row([0, 1, SEP, 2, EOS], [3, SEP, 4, 5, EOS], [SEP, 6, EOS])


def test_the_answer_alone_is_scored_and_the_question_read_both_ways():
  made = parts(PerFile(Answer(WORDS))(ROW, UNUSED))
  assert [part.tokens.tolist() for part in made] == [[0, 1, 2, EOS], [3, 4, 5, EOS], [6, EOS]]
  assert [part.loss_mask.tolist() for part in made] == [
    [False, False, True, True], [False, True, True, True], [True, True],
  ]  # fmt: skip
  assert all((part.prefix_mask == ~part.loss_mask).all() for part in made)
  batch = batching.to_row(PerFile(Answer(WORDS))(ROW, UNUSED), 16)
  for attention in ("causal", "prefix"):
    scored = np.asarray(masks.scored_targets(batch, attention))[0]
    assert batch.targets[0][scored].tolist() == [2, EOS, 4, 5, EOS, EOS]


def test_in_its_place_the_first_token_is_asked_for_and_the_rest_left_out():
  made = parts(PerFile(Answer(WORDS, hidden=True))(ROW, UNUSED))
  assert [part.tokens.tolist() for part in made] == [[0, 1, MASK], [3, MASK], [MASK]]
  assert [part.answers.tolist() for part in made] == [[0, 1, 2], [3, 4], [6]]
  assert [part.loss_mask.tolist() for part in made] == [[False, False, True], [False, True], [True]]


@pytest.mark.parametrize("hidden", [False, True])
def test_the_last_separator_counts_and_a_text_without_one_scores_nothing(hidden):
  made = Answer(WORDS, hidden=hidden)(row([0, SEP, 1, SEP, 2, EOS]), UNUSED)
  assert made.tokens.tolist()[:3] == [0, SEP, 1] and made.loss_mask.sum() == (1 if hidden else 2)
  left = Answer(WORDS, hidden=hidden)(row([0, 1, EOS]), UNUSED)
  assert not left.loss_mask.any() and left.changes[0].left == "it has no answer"
  assert (left.answers is not None) == hidden


def test_a_vocabulary_without_masks_or_separator_is_a_sentence():
  with pytest.raises(InputError, match="no <mask_1>, which hides an answer"):
    Answer(Words(masks=0), hidden=True).check(10)
  with pytest.raises(InputError, match="'<sep>'"):
    Answer(Words(without=("<sep>",))).check(10)


def test_a_prompt_stands_before_every_question_and_is_not_scored():
  answer = Answer(WORDS, prompt=3)
  first, *_ = made = parts(PerFile(answer)(ROW, UNUSED))
  masks = np.sort(WORDS.mask_ids())[:3].tolist()
  assert answer.prompt_ids.tolist() == masks == list(range(masks[0], masks[0] + 3))
  assert [part.tokens.tolist() for part in made] == [
    [*masks, 0, 1, 2, EOS], [*masks, 3, 4, 5, EOS], [*masks, 6, EOS],
  ]  # fmt: skip
  assert first.loss_mask.tolist() == [False] * 5 + [True] * 2
  assert first.prefix_mask.tolist() == [True] * 5 + [False] * 2
  assert answer.growth(10) == 2 and PerFile(answer).growth(30, 3) == 6


def test_a_prompt_needs_its_masks():
  with pytest.raises(InputError, match=r"a prompt of 9 tokens needs as many masks, .* has 8"):
    Answer(Words(masks=8), prompt=9).check(10)
  with pytest.raises(InputError, match="prompt=-1"):
    Answer(WORDS, prompt=-1)
