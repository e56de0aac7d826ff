"""A checkpoint answers lm-eval: scores, windows, completions, and what it refuses."""

from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest

pytest.importorskip("lm_eval", reason="lm-eval is not installed; make peers installs it")
from lm_eval.api.instance import Instance
from lm_eval.api.model import TemplateLM
from lm_eval.api.registry import get_model

from codegen_jax.errors import InputError
from codegen_jax.evaluation import ranking
from codegen_jax.inference.requests import Request
from codegen_jax.inference.settings import SamplingConfig
from codegen_jax.interop.lm_eval import CodegenJax
from tests import tiny_language_model as tiny

MODEL, VOCABULARY = tiny.make_model(), tiny.make_vocabulary()
EOT = VOCABULARY.special_id("<|endoftext|>")
TEXT = "def decode(self, s):\n  return self.scan_once(s, idx=0)\n"


def ask(kind: str, *arguments, doc_id=0, task="task") -> Instance:
  return Instance(kind, {}, arguments, 0, (task, doc_id, 1))


def nats(context, continuation) -> float:
  (got,) = MODEL.log_likelihood([(context, continuation)], batch_size=1)
  return -float(got.nats.sum())


def completion(prompt, **settings) -> str:
  config = SamplingConfig(**{"temperature": 0.0, "max_new_tokens": 8, **settings})
  (got,) = MODEL.generate([Request("task", "0", 0, tuple(prompt))], config)
  return got.text


def test_lm_eval_knows_it_by_name():
  assert get_model("codegen_jax") is CodegenJax
  assert issubclass(CodegenJax, TemplateLM)


def test_likelihoods_come_in_order_and_an_empty_context_is_end_of_text():
  pairs = [(TEXT, " return"), ("", "def f"), (" ", "x"), ("if x: ", "y")]
  got = CodegenJax(MODEL, VOCABULARY).loglikelihood([ask("loglikelihood", *p) for p in pairs])
  encode = VOCABULARY.encode
  wanted = [
    nats(encode(TEXT.rstrip()), encode("\n return")),
    nats([EOT], encode("def f")),
    nats([EOT], encode(" x")),
    nats(encode("if x:"), encode(" y")),
  ]
  np.testing.assert_allclose([one for one, _ in got], wanted, rtol=1e-5)
  assert all(isinstance(is_greedy, bool) for _, is_greedy in got)


@given(st.text(" \nab.é", max_size=8), st.text(" \nab.é", min_size=1, max_size=8))
def test_benchmarks_split_a_pair_as_lm_eval_does(context, continuation):
  lm = CodegenJax(MODEL, VOCABULARY)
  if context:
    before, after = lm._encode_pair(context, continuation)
    before = before or [lm.prefix_token_id]
  else:  # `TemplateLM.loglikelihood` does not encode these as a pair
    before, after = [lm.prefix_token_id], lm.tok_encode(continuation)
  assert ranking.encode(VOCABULARY, context, continuation) == (tuple(before), tuple(after))


def test_what_the_model_would_say_is_greedy_and_nothing_else():
  prompt = VOCABULARY.encode(TEXT)
  (said,) = MODEL.generate(
    [Request("t", "p", 0, tuple(prompt))],
    SamplingConfig(temperature=0.0, max_new_tokens=2, stop_tokens=()),
  )
  right, wrong = said.tokens.tolist(), [int(said.tokens[0]), int(said.tokens[1] + 1) % tiny.IDS]
  requests = [(("", ""), prompt, right), (("", ""), prompt, wrong)]
  got = CodegenJax(MODEL, VOCABULARY)._loglikelihood_tokens(requests)
  assert [is_greedy for _, is_greedy in got] == [True, False]


def test_a_context_that_is_too_long_loses_its_beginning():
  ids = VOCABULARY.encode(TEXT)
  context, continuation = ids[:-3], ids[-3:]
  (cut,) = CodegenJax(MODEL, VOCABULARY, max_length=8)._loglikelihood_tokens(
    [(("", ""), context, continuation)]
  )
  # 8 tokens are read: all but the last of 6 and 3.
  assert cut[0] == pytest.approx(nats(context[-6:], continuation), rel=1e-5)
  with pytest.raises(InputError, match="a continuation has 9 tokens, more than max_length"):
    CodegenJax(MODEL, VOCABULARY, max_length=8)._loglikelihood_tokens([(("", ""), [1], [1] * 9)])


@pytest.mark.parametrize(
  ("limits", "length"),
  [
    ({"window": 1}, 1),
    ({"max_length": 5}, 5),
    ({"max_length": 30, "window": 16}, 16),
    ({"max_length": 16, "window": 30}, 16),
    ({}, None),
  ],
)
def test_each_token_of_a_text_is_scored_once_whatever_the_windows(limits, length):
  texts = [TEXT, "", "x", TEXT * 2]
  lm = CodegenJax(MODEL, VOCABULARY, **limits)
  got = lm.loglikelihood_rolling([ask("loglikelihood_rolling", text) for text in texts])
  for text, value in zip(texts, got, strict=True):
    ids = [EOT, *VOCABULARY.encode(text)]
    size = length or len(ids)
    # The last window is full: its first tokens are read and were scored before.
    starts = range(1, len(ids), size)
    wanted = 0.0
    for first in starts:
      last = min(first + size, len(ids))
      wanted += nats(ids[max(last - 1 - size, 0) : first], ids[first:last])
    assert value == pytest.approx(wanted, rel=1e-5), (text, length)


def test_completions_end_where_a_task_says():
  prompt = VOCABULARY.encode(TEXT)
  whole = completion(prompt, max_new_tokens=30)
  stop = whole[len(whole) // 2 : len(whole) // 2 + 3]
  lm = CodegenJax(MODEL, VOCABULARY)
  got = lm.generate_until([
    ask("generate_until", TEXT, {"until": [], "max_gen_toks": 30}),
    ask("generate_until", TEXT, {"until": [stop, "never said"], "max_gen_toks": 30}),
    ask("generate_until", TEXT, {"until": stop, "max_new_tokens": 30, "do_sample": False}),
    ask("generate_until", "", {"until": [], "max_tokens": 4, "top_p": 0.5, "temperature": 0}),
  ])  # fmt: skip
  assert len(whole) > 9
  assert got == [whole, *[whole[: whole.find(stop)]] * 2, completion([EOT], max_new_tokens=4)]


def test_repeats_are_samples_of_their_own_and_the_seed_draws_them():
  kwargs = {"until": [], "max_gen_toks": 8, "do_sample": True, "temperature": 0.8, "top_p": 0.9}
  request = ask("generate_until", TEXT, kwargs)
  lm = CodegenJax(MODEL, VOCABULARY, seed=3)
  got = lm.generate_until([request] * 3)
  drawn = {"temperature": 0.8, "top_p": 0.9, "seed": 3}
  assert got[0] == completion(VOCABULARY.encode(TEXT), **drawn)
  assert len(set(got)) == 3
  assert lm.generate_until([request] * 3) == got
  assert CodegenJax(MODEL, VOCABULARY, seed=4).generate_until([request] * 3) != got
  hot = kwargs | {"temperature": 1.0}
  del kwargs["temperature"]  # transformers draws at 1
  default = lm.generate_until([ask("generate_until", TEXT, kwargs)])
  assert default == lm.generate_until([ask("generate_until", TEXT, hot)])


def test_a_prompt_leaves_room_for_what_is_asked():
  ids = VOCABULARY.encode(TEXT)
  request = ask("generate_until", TEXT, {"until": [], "max_gen_toks": 8})
  lm = CodegenJax(MODEL, VOCABULARY, max_length=14)
  assert lm.generate_until([request]) == [completion(ids[-6:])]
  with pytest.raises(InputError, match="asks for 8 new tokens and max_length is 8"):
    CodegenJax(MODEL, VOCABULARY, max_length=8).generate_until([request])


def test_answers_are_cached_as_they_come():
  kept = {}
  lm = CodegenJax(MODEL, VOCABULARY)
  lm.cache_hook.dbdict = kept
  lm.loglikelihood([ask("loglikelihood", "a", " b"), ask("loglikelihood", "a", " c")])
  lm.loglikelihood_rolling([ask("loglikelihood_rolling", "a")])
  lm.generate_until([ask("generate_until", "a", {"until": [], "max_gen_toks": 2})])
  assert len(kept) == 4


@pytest.mark.parametrize(
  ("kwargs", "said"),
  [
    ({"until": [], "max_gen_tok": 3}, "sets max_gen_tok in .*did you mean max_gen_toks"),
    ({"until": [], "typical_p": 0.3}, "sets typical_p in its generation_kwargs"),
    ({"until": [""]}, "a stop string is empty"),
  ],
)
def test_what_it_cannot_do_is_one_sentence_before_anything_is_made(kwargs, said, monkeypatch):
  monkeypatch.setattr(MODEL, "generate", lambda *_: pytest.fail("something was generated"))
  good = ask("generate_until", TEXT, {"until": []})
  with pytest.raises(InputError, match=said) as caught:
    CodegenJax(MODEL, VOCABULARY).generate_until([good, ask("generate_until", TEXT, kwargs)])
  assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
  ("arguments", "said"),
  [
    ({}, "name no workdir"),
    ({"workdri": "runs"}, "no model argument 'workdri'; did you mean workdir"),
    ({"workdir": "no_such"}, "there is no no_such/config.gin"),
    ({"checkpoint": "no_such"}, "there is no no_such/config.gin"),
    ({"workdir": "a", "checkpoint": "b"}, "model_args name a and b; name one"),
    (
      {"workdir": "a", "batch_size": "auto"},
      "batch_size is auto; it must be a number of at least 1",
    ),
    ({"workdir": "a", "max_length": 0}, "max_length is 0; it must be .* or None for no limit"),
    ({"workdir": "a", "seed": -1}, "seed is -1; it must be a number of at least 0"),
  ],
)
def test_arguments_that_name_no_checkpoint_are_a_sentence(arguments, said):
  with pytest.raises(InputError, match=said):
    CodegenJax.create_from_arg_obj(arguments, {"device": None})
  text = ",".join(f"{name}={value}" for name, value in arguments.items())
  with pytest.raises(InputError, match=said):
    CodegenJax.create_from_arg_string(text)
