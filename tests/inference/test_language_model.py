"""Completions are what the network says, whatever shares their batch."""

import dataclasses
import functools

import jax
import numpy as np
from numpy.testing import assert_allclose, assert_array_equal
import pytest

from codegen_jax.checkpoint.checkpoints import Checkpoints
from codegen_jax.checkpoint.retention import Retention
from codegen_jax.errors import InputError
from codegen_jax.inference import sampling
from codegen_jax.inference.language_model import LanguageModel
from codegen_jax.inference.requests import Request
from codegen_jax.inference.settings import SamplingConfig
from codegen_jax.models.masks import AttentionMask
from codegen_jax.models.transformer import Transformer
from codegen_jax.partitioning import PartitioningConfig
from tests.inference.pieces import CONFIG, EOS, PARAMS, Pieces

NEW = 9
PROMPTS = ((3, 1, 4), (1,), (5, 9, 2, 6, 5), (3, 1, 4, 1), tuple(range(16)))
LONG = Request("task", "long", 1, (2, 7) * 9)  # in another bucket
GREEDY = SamplingConfig(temperature=0.0, max_new_tokens=NEW, stop_tokens=(), batch_size=8)
DRAWN = SamplingConfig(temperature=0.9, top_p=0.95, max_new_tokens=NEW, batch_size=8)
REQUESTS = [
  Request("task", f"{number}", sample, prompt)
  for number, prompt in enumerate(PROMPTS)
  for sample in range(2)
]


@functools.cache
def model(attention="causal", layers="apart", chunk=4) -> LanguageModel:
  return LanguageModel(
    PARAMS, CONFIG, attention=attention, vocabulary=Pieces(), layers=layers, chunk=chunk
  )


def complete(lm, requests, config):
  """By name, so that the order plays no part."""
  completions = list(lm.generate(requests, config))
  named = {(c.request.problem, c.request.sample): c for c in completions}
  assert len(named) == len(completions) == len(requests)
  return named


def assert_same(got, wanted) -> None:
  assert got.keys() == wanted.keys()
  for name in wanted:
    assert_array_equal(got[name].tokens, wanted[name].tokens)
    assert (got[name].text, got[name].ended) == (wanted[name].text, wanted[name].ended)
    assert_allclose(got[name].log_probs, wanted[name].log_probs, atol=1e-5)


@functools.cache
def logits_of(row: tuple[int, ...], opened: int) -> np.ndarray:
  """[L, V]: the whole row at once, without a cache."""
  padded = np.zeros((1, 32), np.int32)
  padded[0, : len(row)] = row
  positions = np.arange(32)[None]
  mask = AttentionMask(np.int32(positions < len(row)), positions, positions < opened)
  return np.asarray(apply()({"params": PARAMS}, padded, mask=mask))[0, : len(row)]


@functools.cache
def apply():
  return jax.jit(Transformer(CONFIG).apply)


@functools.cache
def jitted_draw():
  return jax.jit(sampling.next_token, static_argnums=4)


def by_hand(request: Request, config: SamplingConfig, opened: int) -> tuple[list[int], list[float]]:
  """A token at a time from whole rows."""
  row, log_probs = list(request.prompt), []
  words = sampling.name_words(request.task, request.problem, request.sample)
  keys = sampling.keys(np.array(config.seed, np.uint32), words[None])
  numbers, kind = sampling.numbers(config), sampling.kind(config)
  draw = jitted_draw()
  for index in range(config.max_new_tokens):
    logits = logits_of(tuple(row), opened)[-1:]
    drawn = draw(logits, keys, np.array(index, np.int32), numbers, kind)
    row.append(int(drawn[0][0]))
    log_probs.append(float(drawn[1][0]))
    if row[-1] == EOS and config.stop_tokens is None:
      break
  return row[len(request.prompt) :], log_probs


@pytest.mark.parametrize(("attention", "config"), [("prefix", GREEDY), ("causal", DRAWN)])
def test_tokens_are_those_of_whole_rows_read_again_and_again(attention, config):
  got = complete(model(attention), [LONG, *REQUESTS], config)
  for request in (LONG, *REQUESTS[::5]):
    opened = len(request.prompt) if attention == "prefix" else 0
    tokens, log_probs = by_hand(request, config, opened)
    completion = got[request.problem, request.sample]
    assert completion.tokens.tolist() == tokens
    assert_allclose(completion.log_probs, log_probs, atol=1e-5)


def test_of_a_prompt_that_is_part_prefix_the_rest_is_read_from_left_to_right():
  asked = [Request("t", f"{n}", 0, PROMPTS[2], both_ways=n) for n in (0, 2, 4, 5)]
  got = complete(model("prefix"), asked, GREEDY)
  for request in asked:
    tokens, log_probs = by_hand(request, GREEDY, request.both_ways)
    assert got[request.problem, 0].tokens.tolist() == tokens
    assert_allclose(got[request.problem, 0].log_probs, log_probs, atol=1e-5)
  assert not np.allclose(got["0", 0].log_probs, got["5", 0].log_probs)


@pytest.mark.parametrize("size", [1, 3])
def test_no_batch_size_and_no_order_changes_a_sample(size):
  config = SamplingConfig(temperature=0.9, top_p=0.95, max_new_tokens=NEW, batch_size=size)
  shuffled = [REQUESTS[i] for i in np.random.default_rng(size).permutation(len(REQUESTS))]
  wanted = complete(model(), REQUESTS, DRAWN)
  assert_same(complete(model(), shuffled, config), wanted)
  assert len({tuple(c.tokens) for c in wanted.values()}) == len(REQUESTS)


def test_no_chunk_and_no_layout_of_layers_changes_a_sample():
  wanted = complete(model(), REQUESTS, DRAWN)
  assert_same(complete(model(layers="stacked", chunk=7), REQUESTS, DRAWN), wanted)


def test_a_longer_budget_continues_the_same_sample():
  longer = SamplingConfig(temperature=0.9, top_p=0.95, max_new_tokens=NEW + 4, batch_size=8)
  wanted, got = (complete(model(), REQUESTS[:4], config) for config in (DRAWN, longer))
  for name, completion in wanted.items():
    assert_array_equal(got[name].tokens[: len(completion.tokens)], completion.tokens)
  assert max(len(c.tokens) for c in got.values()) > NEW


def test_the_seed_and_the_task_change_samples():
  first = complete(model(), REQUESTS, DRAWN)
  other_seed = SamplingConfig(temperature=0.9, top_p=0.95, max_new_tokens=NEW, batch_size=8, seed=1)
  renamed = [Request("other", r.problem, r.sample, r.prompt) for r in REQUESTS]
  for other in (complete(model(), REQUESTS, other_seed), complete(model(), renamed, DRAWN)):
    same = sum(first[name].tokens.tolist() == other[name].tokens.tolist() for name in first)
    assert same < 3


@pytest.mark.slow
@pytest.mark.parametrize("layers", ["apart", "stacked"])
def test_eight_devices_draw_from_a_checkpoint_what_one_does(tmp_path, layers):
  checkpoints = Checkpoints(tmp_path / "checkpoints", retention=Retention(1))
  params = jax.tree.map(jax.numpy.asarray, PARAMS)
  checkpoints.save(3, params=params, opt_state={"step": params["final_norm"]}, data={})
  checkpoints.close()
  lm = LanguageModel.load(
    tmp_path, model=CONFIG, attention="prefix", partitioning_config=PartitioningConfig(2, 2, 2),
    vocabulary=Pieces(), layers=layers, chunk=4,
  )  # fmt: skip
  assert lm.step == 3
  assert_same(complete(lm, REQUESTS, DRAWN), complete(model("prefix"), REQUESTS, DRAWN))
  with pytest.raises(InputError, match="BATCH_SIZE is 6 rows, which cannot be shared evenly"):
    next(lm.generate(REQUESTS, dataclasses.replace(DRAWN, batch_size=6)))


@pytest.mark.parametrize("chunk", [2, 4])
def test_text_ends_at_a_stop_string_also_where_a_chunk_does(chunk):
  stops = ("aa", "\n\n", "b ")
  config = SamplingConfig(
    temperature=1.2, top_p=0.999, stop_strings=stops, max_new_tokens=NEW, batch_size=8
  )
  plain = SamplingConfig(temperature=1.2, top_p=0.999, max_new_tokens=NEW, batch_size=8)
  whole, cut = (complete(model(chunk=chunk), REQUESTS, c) for c in (plain, config))
  endings = set()
  for name, completion in cut.items():
    text = whole[name].text
    found = [(text.find(stop) + len(stop), text.find(stop)) for stop in stops if stop in text]
    assert completion.text == (text[: min(found)[1]] if found else text)
    assert_array_equal(completion.tokens, whole[name].tokens[: len(completion.tokens)])
    assert len(completion.log_probs) == len(completion.tokens)
    assert (completion.ended == "stop string") == bool(found)
    endings.add(completion.ended)
  assert endings == {"stop string", "end token", "length"}


def test_text_is_told_as_it_comes_and_all_of_it():
  told: dict[Request, list[str]] = {}
  config = SamplingConfig(
    temperature=1.2, top_p=0.999, stop_strings=("ba",), max_new_tokens=NEW, batch_size=8
  )
  lm = model()
  completions = list(
    lm.generate(REQUESTS, config, on_text=lambda r, text: told.setdefault(r, []).append(text))
  )
  assert {c.request: c.text for c in completions if c.text} == {
    request: "".join(pieces) for request, pieces in told.items()
  }
  assert max(map(len, told.values())) > 1


def test_completions_come_as_they_finish():
  asked = [Request("t", "p", sample, PROMPTS[0]) for sample in range(8)]
  config = SamplingConfig(
    temperature=1.2, top_p=0.999, max_new_tokens=40, stop_tokens=(EOS, 1), batch_size=8
  )
  sizes = [len(c.tokens) for c in model().generate(asked, config)]
  assert sizes != sorted(sizes, reverse=True)
  chunks = [max(size - 2, -1) // 4 for size in sizes]  # one token, then four at a time
  assert chunks == sorted(chunks)


@pytest.mark.parametrize(
  ("request_", "said"),
  [
    (Request("t", "p", 0, ()), "the prompt of t p is empty; begin it with"),
    (Request("t", "p", 0, (1,) * 12), r"t p has 12 tokens, with 9 new ones more than max_length"),
    (Request("t", "p", -1, (1,)), "sample number -1 of the prompt of t p; count samples from 0"),
    (Request("t", "p", 0, (1, 2), both_ways=3), "has 2 tokens, and both_ways is 3"),
  ],
  ids=["empty", "long", "sample", "open"],
)
def test_a_request_that_cannot_work_is_refused_before_any_is_answered(request_, said):
  lm = LanguageModel(PARAMS, CONFIG, attention="causal", vocabulary=Pieces(), max_length=20)
  with pytest.raises(InputError, match=said):
    next(lm.generate([REQUESTS[0], request_], DRAWN))


def test_a_model_that_continues_nothing_is_refused():
  with pytest.raises(InputError, match="bidirectional attention tells hidden tokens"):
    LanguageModel(PARAMS, CONFIG, attention="bidirectional", vocabulary=Pieces())
