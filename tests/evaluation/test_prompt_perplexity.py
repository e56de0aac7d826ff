"""Perplexities are of prompts alone, over all their tokens, apart for what was solved."""

import dataclasses
import math

import numpy as np
import pytest

from codegen_jax.errors import InputError
from codegen_jax.evaluation import dialogue, generation, prompt_perplexity
from codegen_jax.evaluation.generation import GenerationConfig
from codegen_jax.evaluation.humaneval_infilling import HumanEvalInfilling
from tests import tiny_language_model as tiny
from tests.evaluation.scripted import END, VOCABULARY, Counting, Doubling, Scripted, lines

MODEL = tiny.make_model()
CONFIG = GenerationConfig(samples=2, temperatures=(0.2, 0.8), k=(1,))


def tokens(text: str) -> tuple[int, ...]:
  return tuple(VOCABULARY.encode(text))


def measure(benchmark, model, folder, solved, config=CONFIG):
  problems = benchmark.problems()
  return prompt_perplexity.measure(
    benchmark, problems, model, VOCABULARY, config, folder,
    {(t, p.id): p.id in solved for t in config.temperatures for p in problems},
  )  # fmt: skip


def test_it_is_the_exponential_of_the_mean_over_all_tokens_of_a_problem(tmp_path):
  asked = {
    "a": [((END,), tokens("def f(x):")), (tokens("def f(x):\n"), tokens("  return x\n"))],
    "b": [((END,), tokens("import json"))],
  }
  got = prompt_perplexity.perplexities(MODEL, asked, tmp_path, batch_size=4)
  for name, pairs in asked.items():
    nats = np.concatenate([one.nats for one in MODEL.log_likelihood(pairs)])
    assert got[name] == pytest.approx(math.exp(nats.mean(dtype=np.float64)), rel=1e-5)


def test_a_problem_is_asked_once(tmp_path):
  asked = {str(n): [((END,), tokens("x" * (n + 1)))] for n in range(70)}
  first = Scripted(nats=2.0)
  part = dict(list(asked.items())[:66])
  got = prompt_perplexity.perplexities(first, part, tmp_path, batch_size=4)
  assert got == pytest.approx(dict.fromkeys(part, math.exp(2)))
  later = Scripted(nats=3.0)
  got = prompt_perplexity.perplexities(later, asked, tmp_path, batch_size=4)
  assert later.scored == [asked[str(n)][0] for n in range(66, 70)]
  assert list(got) == list(asked)
  assert got["65"] == pytest.approx(math.exp(2)) and got["66"] == pytest.approx(math.exp(3))
  assert len(lines(tmp_path / "prompts.jsonl")) == 70


@pytest.mark.parametrize("nats", [math.nan, math.inf, 701.0])
def test_weights_that_have_diverged_are_a_sentence_and_nothing_is_kept(nats, tmp_path):
  with pytest.raises(InputError, match="step 7 finds the prompt of a not finitely likely"):
    prompt_perplexity.perplexities(
      Scripted(nats=nats), {"a": [((END,), (1, 2))]}, tmp_path, batch_size=4
    )
  assert not lines(tmp_path / "prompts.jsonl")


def test_means_are_over_problems_and_an_empty_group_is_not_there():
  found = {"a": 2.0, "b": 4.0, "c": 9.0}
  got = prompt_perplexity.by_outcome(found, {"a": True, "b": True, "c": False}, label="t=0.2")
  assert got.keys() == {"prompt_perplexity,pass t=0.2", "prompt_perplexity,non-pass t=0.2"}
  assert got["prompt_perplexity,pass t=0.2"] == (3.0, 1.0)
  assert got["prompt_perplexity,non-pass t=0.2"].value == 9.0
  got = prompt_perplexity.by_outcome(found, dict.fromkeys(found, False), label="t=0.2")
  assert got.keys() == {"prompt_perplexity,non-pass t=0.2"}
  assert got["prompt_perplexity,non-pass t=0.2"].value == 5.0


def test_prompts_of_functions_are_asked_once_for_all_temperatures(tmp_path):
  model = Scripted(nats=1.0)
  got, of_problems = measure(Doubling(), model, tmp_path, {"double/2"})
  ids = ("double/1", "double/2", "double/3")
  assert of_problems == {f"t={t}": pytest.approx(dict.fromkeys(ids, math.e)) for t in (0.2, 0.8)}
  assert {name: one.value for name, one in got.items()} == pytest.approx(
    {
      f"prompt_perplexity,{group} t={t}": math.e
      for t in (0.2, 0.8)
      for group in ("pass", "non-pass")
    }
  )
  assert model.scored == [((END,), tokens(f"x = {n}\ny =")) for n in (1, 2, 3)]


def test_turns_are_asked_after_each_samples_own_answers(tmp_path):
  benchmark, config = Counting(), dataclasses.replace(CONFIG, temperatures=(0.8,))
  says = Scripted(lambda request: f" {request.sample}")
  dialogue.complete(benchmark, benchmark.problems(), says, VOCABULARY, config, tmp_path)
  _, of_problems = measure(benchmark, says, tmp_path, (), config)
  assert of_problems["t=0.8"].keys() == {problem.id for problem in benchmark.problems()}
  first = [
    ((END,), tokens("a =")),
    ((END, *tokens("a = 0\n")), tokens("b =")),
    ((END,), tokens("a =")),
    ((END, *tokens("a = 1\n")), tokens("b =")),
  ]
  assert says.scored[:4] == first
  assert len(says.scored) == 2 * (2 + 3)
  # With other samples the answers before a turn are others, and so is the number.
  fewer = dataclasses.replace(config, samples=1)
  again = Scripted()
  measure(benchmark, again, tmp_path, (), fewer)
  assert again.scored[:2] == first[:2]
  assert (tmp_path / generation.COMPLETIONS).is_file()


def test_prompts_that_are_no_text_have_no_perplexity(tmp_path):
  problem = Doubling().problems()[0]
  benchmark = HumanEvalInfilling("single_line")
  got = prompt_perplexity.measure(
    benchmark, [problem], Scripted(), VOCABULARY, CONFIG, tmp_path,
    {(t, problem.id): False for t in CONFIG.temperatures},
  )  # fmt: skip
  assert got == ({}, {})
