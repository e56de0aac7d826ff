"""Questions of any task, answered in words."""

import pytest
import seqio

from codegen_jax.data.objectives import Answer, CausalLM, PerFile
from codegen_jax.errors import InputError
from codegen_jax.evaluation import by_template, suite
from codegen_jax.evaluation.generated import Generated
from tasks import build
from tests import tiny_language_model as language
from tests.data import toy

SEP = toy.SPECIALS["<sep>"]
ASKED = {"one/validation:1@1": [*b"12", SEP, *b"4", SEP, *b"3 5"]}


@pytest.fixture(scope="module", autouse=True)
def tasks():
  source = toy.ToySource("asked", {"validation": ASKED})
  asks = PerFile(Answer(source.vocabulary, choices=True))
  build.add_task("toy_asked_2shot", source, asks, level="whole")
  build.add_task("toy_not_asked", source, CausalLM())
  yield
  for name in ("toy_asked_2shot", "toy_not_asked"):
    seqio.TaskRegistry.remove(name)


def test_a_prompt_is_the_question_and_what_is_compared_the_right_answer():
  benchmark = Generated("generated_toy_asked_2shot")
  (problem,) = benchmark.problems()
  assert problem.id == "one/validation:1@1" and benchmark.n_shot == 2
  assert benchmark.request(problem, 0, language.make_vocabulary()).prompt == tuple(b"12")
  assert problem.facts["answer"] == "3 5"
  assert benchmark.score(problem, benchmark.cut(problem, " 3 5\n")) == {"exact_match": 1, "f1": 1}


@pytest.mark.parametrize(
  ("said", "right", "exact", "f1"),
  [
    ("The Cat!", "a cat", 1, 1),
    ("cat dog", "cat", 0, 2 / 3),
    ("dog", "cat", 0, 0),
    ("", "cat", 0, 0),
    ("cat cat", "cat", 0, 2 / 3),
    ("the", "a", 1, 1),
  ],
)
def test_answers_are_compared_as_squad_does(said, right, exact, f1):
  (problem,) = Generated("generated_toy_asked_2shot").problems()
  problem.facts["answer"] = right
  told = Generated("generated_x").score(problem, said)
  assert told == {"exact_match": exact, "f1": pytest.approx(f1)}


def test_tasks_that_ask_nothing_and_names_that_are_none_are_sentences():
  with pytest.raises(InputError, match="toy_not_asked asks for no answers"):
    Generated("generated_toy_not_asked").problems()
  with pytest.raises(InputError, match=r"there is no mixture 'toy_asked_3shot'.*toy_asked_2shot"):
    Generated("generated_toy_asked_3shot").problems()
  suite.check(["generated_toy_asked_2shot"])
  with pytest.raises(InputError, match="no benchmark 'generate_x'"):
    suite.check(["generate_x"])


def test_tables_are_of_data_sets_and_templates():
  told = by_template.tables({"a/v:1@1": 1.0, "a/v:2@1": 0.0, "a/v:1@2": 1.0, "b/v:1@1": 0.25})
  assert told["a"]["templates"] == {"1": 0.5, "2": 1.0} and told["a"]["best"] == 1.0
  assert told["a"]["spread"] == 0.25 and by_template.over(told, "mean") == 0.5
