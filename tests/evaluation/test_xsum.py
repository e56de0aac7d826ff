"""One sentence for each article, after an example of one."""

import gzip
import json

import pytest

from codegen_jax.errors import InputError
from codegen_jax.evaluation.xsum import FILE, LONGEST, XSum

LENGTHS = [30, 5000, 10, 20, 40]  # of articles 0 to 4


@pytest.fixture
def write(tmp_path, monkeypatch):
  monkeypatch.setenv("CODEGEN_JAX_BENCHMARKS", str(tmp_path))

  def write(rows):
    path = tmp_path / FILE.path
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(gzip.compress("\n".join(map(json.dumps, rows)).encode()))

  write([
    {"id": n, "document": str(n) * length, "summary": f"Sum {n}."}
    for n, length in enumerate(LENGTHS)
  ])  # fmt: skip
  return write


def test_the_article_of_median_length_is_the_example_of_all_others(write):
  problems = XSum().problems()
  assert [problem.id for problem in problems] == ["1", "2", "3", "4"]
  shown = f"Article: {'0' * 30}\nSummary: Sum 0.\n\n"
  assert problems[1].prompt == f"{shown}Article: {'2' * 10}\nSummary:"
  assert problems[0].prompt == f"{shown}Article: {'1' * LONGEST}\nSummary:"


def test_the_first_line_is_compared_with_the_summary(write):
  benchmark = XSum()
  problem = benchmark.problems()[1]
  answer = benchmark.cut(problem, " Sum 2.\n\nArticle: more")
  assert answer == "Sum 2."
  assert benchmark.score(problem, answer) == {"rouge1": 1.0, "rouge2": 1.0, "rougeL": 1.0}
  assert benchmark.score(problem, "nothing of it")["rouge1"] == 0.0


def test_one_article_leaves_nothing_to_ask(write):
  write([{"id": 0, "document": "a", "summary": "b"}])
  with pytest.raises(InputError, match="holds 1 articles and one is the example"):
    XSum().problems()
