"""Questions are asked once, and what is likeliest is counted."""

import json
import math

import numpy as np
import pytest

from codegen_jax.errors import InputError
from codegen_jax.evaluation import choices, ranking
from codegen_jax.inference.requests import Likelihood
from tests import tiny_language_model as tiny
from tests.evaluation.scripted import END, VOCABULARY, Scripted, Shorter, lines

BENCHMARK = Shorter()
QUESTIONS = BENCHMARK.questions()


def run(folder, model, questions=QUESTIONS):
  return ranking.run(BENCHMARK, questions, model, VOCABULARY, folder, batch_size=4)


def likelihood(*nats: float) -> Likelihood:
  return Likelihood(np.array(nats, np.float32), np.ones(len(nats), bool))


def test_metrics_are_means_over_questions_and_a_perplexity_is_the_exponential_of_one(tmp_path):
  got = run(tmp_path, Scripted(nats=0.5))
  sizes = [len(ranking.encode(VOCABULARY, *q.pairs[0])[1]) for q in QUESTIONS]
  assert got["acc"].value == pytest.approx(2 / 3)
  mean = np.mean(sizes) * 0.5
  error = np.std(sizes, ddof=1) * 0.5 / math.sqrt(len(sizes))
  assert got["perplexity"].value == pytest.approx(math.exp(mean))
  assert got["perplexity"].stderr == pytest.approx(math.exp(mean) * error)


def test_questions_that_were_answered_are_not_asked_again(tmp_path):
  wanted = run(tmp_path / "whole", Scripted())
  run(tmp_path / "parts", Scripted(), QUESTIONS[:70])
  with (tmp_path / "parts" / "questions.jsonl").open("a") as file:
    file.write('{"id": "70", "log_lik')
  later = Scripted()
  assert run(tmp_path / "parts", later) == wanted
  assert later.scored == [
    ranking.encode(VOCABULARY, *pair) for q in QUESTIONS[70:] for pair in q.pairs
  ]
  texts = [(tmp_path / name / "questions.jsonl").read_text() for name in ("whole", "parts")]
  assert texts[0] == texts[1]


def test_each_answer_is_kept_with_how_likely_the_network_finds_it(tmp_path):
  model = tiny.make_model()
  run(tmp_path, model, QUESTIONS[:3])
  rows = [json.loads(line) for line in lines(tmp_path / "questions.jsonl")]
  assert [row["id"] for row in rows] == ["0", "1", "2"]
  for row, question in zip(rows, QUESTIONS, strict=False):
    for got, pair in zip(row["log_likelihood"], question.pairs, strict=True):
      (alone,) = model.log_likelihood([ranking.encode(VOCABULARY, *pair)])
      assert got == pytest.approx(-float(alone.nats.sum()), rel=1e-5)


@pytest.mark.parametrize("nats", [math.nan, math.inf])
def test_weights_that_have_diverged_are_a_sentence_and_nothing_is_kept(nats, tmp_path):
  with pytest.raises(InputError, match="step 7 finds an answer of shorter 0 not finitely likely"):
    run(tmp_path, Scripted(nats=nats))
  assert not lines(tmp_path / "questions.jsonl")


def test_a_perplexity_beyond_all_numbers_is_a_sentence(tmp_path):
  with pytest.raises(InputError, match=r"a perplexity of e\^\d+ is no number .* have diverged"):
    run(tmp_path, Scripted(nats=1000.0))


def test_a_context_without_text_is_the_end_of_one_and_its_last_spaces_are_the_answers():
  encode = VOCABULARY.encode
  assert ranking.encode(VOCABULARY, "", "def f") == ((END,), tuple(encode("def f")))
  assert ranking.encode(VOCABULARY, "  ", "x") == ((END,), tuple(encode("  x")))
  got = ranking.encode(VOCABULARY, "return ", "self")
  assert got == (tuple(encode("return")), tuple(encode(" self")))


def test_a_choice_is_the_likeliest_also_for_each_of_its_characters():
  question = choices.question("0", "Question: why?\nAnswer:", ("no", "because"), right=1)
  assert question.pairs == (
    ("Question: why?\nAnswer:", " no"),
    ("Question: why?\nAnswer:", " because"),
  )
  shown = [likelihood(1.0, 1.0), likelihood(2.0, 1.0)]  # 2 nats for 2 letters, 3 for 7
  assert choices.judge(question, shown) == {"acc": 0.0, "acc_norm": 1.0}
  assert choices.judge(question, shown[::-1]) == {"acc": 1.0, "acc_norm": 1.0}
  tie = [likelihood(1.0), likelihood(1.0)]
  assert choices.judge(question, tie)["acc"] == 0.0  # the first, as numpy's argmax
