"""UL2's denoisers: what each makes of a document, and how much of it is scored."""

from hypothesis import given
import numpy as np
import pytest

from codegen_jax.data import batching
from codegen_jax.data.objectives import CausalLM, Choose, PerFile, PrefixLM, ul2
from codegen_jax.data.objectives.ul2 import MODIFIED, ORIGINAL, Begin, Denoiser
from codegen_jax.errors import InputError
from tests.data.objectives import words
from tests.data.objectives.inverses import restored
from tests.data.objectives.words import EOS, WORDS, Words, drawn, ids, made, parts, row

N = 512  # tokens of a document, without its end


def denoise(denoiser: Denoiser, document: list[int], **settings):
  return made(ul2(WORDS, [denoiser], **settings), document)


def test_every_denoiser_begins_with_its_mode_and_opens_all_before_what_is_scored():
  document = ids("a b c d </s>")
  assert drawn(denoise(Denoiser("R", 0.25, 1.0), document)) == (
    "[<dummy_0> a b c <mask_1> </s>] <mask_1> d </s>"
  )
  assert drawn(denoise(Denoiser("S", 0.4), document)) == "[<dummy_1> a b c] d </s>"
  assert drawn(denoise(Denoiser("X", 0.5, 2.0), document)) == (
    "[<dummy_2> a b <mask_1> </s>] <mask_1> c d </s>"
  )
  assert drawn(denoise(Denoiser("X", 0.5, 2.0), document, mode_tokens=False)) == (
    "[a b <mask_1> </s>] <mask_1> c d </s>"
  )


def test_the_denoisers_are_those_of_the_paper():
  table = {(d.mode, d.mean, d.ratio) for d in ORIGINAL}
  assert table == {
    *{("R", 3, 0.15), ("R", 8, 0.15), ("S", None, 0.25), ("X", 3, 0.5)},
    *{("X", 8, 0.5), ("X", 64, 0.15), ("X", 64, 0.5)},
  }
  assert len(ORIGINAL) == 7


@pytest.mark.parametrize("modes", [True, False])
@pytest.mark.parametrize("denoiser", dict.fromkeys((*ORIGINAL, *MODIFIED)), ids=str)
@words.few
@given(documents=words.documents(), seed=words.seeds)
def test_every_document_of_a_row_comes_back_and_its_prefix_alone_is_not_scored(
  modes, denoiser, documents, seed
):
  objective = ul2(WORDS, [denoiser], mode_tokens=modes)
  got = objective(row(*documents), np.random.default_rng(seed))
  mode = WORDS.special_id(f"<dummy_{'RSX'.index(denoiser.mode)}>")
  assert len(parts(got)) == len(documents)
  for part, document in zip(parts(got), documents, strict=True):
    assert restored(part) == [token for token in document if token != EOS]
    assert part.loss_mask.tolist() == (~part.prefix_mask).tolist()
    assert words.prefix_length(part) >= modes
    assert (part.tokens[0] == mode) == modes
    assert part.loss_mask.any()


def test_denoisers_are_tossed_for_with_equal_chance_for_a_whole_row():
  objective = ul2(WORDS)
  assert objective.rates == (1.0,) * 7 and objective.deal == objective.objectives
  assert isinstance(objective, Choose)
  for seed in range(20):
    got = objective(row(*[ids("a b c d </s>")] * 5), np.random.default_rng(seed))
    assert len({part.tokens[0] for part in parts(got)}) == 1


def test_begin_takes_one_token_of_the_room_and_leaves_the_rest():
  objective = Begin(WORDS, "<dummy_0>", PrefixLM(scored=0.5))
  got = made(objective, ids("a b </s>"), room=1)
  assert drawn(got) == "[<dummy_0> a] b </s>" and got.room == 0
  assert got.loss_mask.tolist() == [False, False, True, True]
  without = made(objective, ids("a b </s>"), room=0)
  assert words.same(without, row(ids("a b </s>")))
  assert words.reasons(without) == ["its row has no room"]
  assert words.same(made(objective, []), row([]))
  assert objective.growth(7) == 1


def test_begin_counts_what_comes_after_it():
  objective = ul2(WORDS, [Denoiser("X", 0.5, 2.0)])
  # One for the mode, four spans' two masks, and an end at each end.
  assert objective.growth(16) == 1 + 4 * 2 + 2
  assert objective.growth(32, 2) == 2 * objective.growth(16)


# How much is scored.


def test_the_share_of_scored_tokens_is_what_the_denoisers_leave():
  """Exactly, sentinels counted, and so within a hundredth of the papers' arithmetic."""
  document, shares = [*np.random.default_rng(0).integers(0, 10, N).tolist(), EOS], {}
  for denoiser in ORIGINAL:
    got = denoise(denoiser, document)
    batch = batching.to_row(got, len(got.tokens))
    shares[denoiser] = float(batch.loss_mask.mean())
    if denoiser.mode == "S":
      expected = round((N + 1) * 0.25) / (N + 2)
    else:
      masked = round(N * denoiser.ratio)
      spans = round(masked / denoiser.mean)
      # Told are the spans with a mask for each and an end; read are a mode, the rest, its end.
      told = masked + spans + 1
      expected = told / (1 + (N - masked) + spans + 1 + told)
    assert shares[denoiser] == pytest.approx(expected, abs=1e-12)
  table = [0.18, 0.16, 0.25, 0.50, 0.50, 0.15, 0.50]
  assert [*shares.values()] == pytest.approx(table, abs=0.01)
  assert np.mean([*shares.values()]) == pytest.approx(0.32, abs=0.005)


def test_modified_denoisers_leave_more_to_score():
  document = [*np.random.default_rng(0).integers(0, 10, N).tolist(), EOS]
  shares = [denoise(denoiser, document).loss_mask.mean() for denoiser in MODIFIED]
  assert np.mean(shares) == pytest.approx((0.75 + 3 * 0.5) / 4, abs=0.01)


@pytest.mark.parametrize(
  ("objective", "share"), [(CausalLM(), 1.0), (PrefixLM(), 0.5), (PerFile(PrefixLM()), 0.5)]
)
def test_the_share_of_scored_tokens_without_denoisers(objective, share):
  rng, document, n = np.random.default_rng(0), row([0] * N, [1] * N), 2000
  got = np.mean([objective(document, rng).loss_mask.mean() for _ in range(n)])
  # A uniform split's share has a variance of 1/12; five standard deviations of the mean.
  assert abs(got - share) <= (0 if share == 1 else 5 * (1 / 12 / n) ** 0.5)


# What is told before a run.


@pytest.mark.parametrize("wrong", [{"mode": "S"}, {"mean": None}, {"mode": "Q"}])
def test_what_is_no_denoiser_is_refused(wrong):
  with pytest.raises(InputError, match=r"no denoiser of UL2; its mode is R, S or X, and S alone"):
    words.checked(Denoiser("R", 0.15, 3.0), **wrong)


@pytest.mark.parametrize("missing", ["<dummy_0>", "<dummy_1>", "<dummy_2>"])
def test_a_vocabulary_without_a_mode_is_refused(missing):
  words_ = Words(without=(missing,))
  with pytest.raises(InputError, match=f"no special token '{missing}'"):
    ul2(words_).check(N)
  ul2(words_, mode_tokens=False).check(N)


def test_a_vocabulary_with_too_few_masks_for_a_denoiser_is_refused():
  ul2(Words(masks=86)).check(N)
  with pytest.raises(
    InputError, match="about 85 spans out of 512 tokens, and the vocabulary has 84"
  ):
    ul2(Words(masks=84)).check(N)
