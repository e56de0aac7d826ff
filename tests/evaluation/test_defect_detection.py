"""Whether a C function is insecure."""

import gzip
import json
import pathlib

import numpy as np
import pytest

from codegen_jax.evaluation.defect_detection import FILE, LONGEST, DefectDetection
from codegen_jax.inference.requests import Likelihood

SHARED = pathlib.Path(__file__).resolve().parents[2].parent / "shared" / "data"


@pytest.fixture
def questions(tmp_path, monkeypatch):
  monkeypatch.setenv("CODEGEN_JAX_BENCHMARKS", str(tmp_path))
  rows = [
    {"idx": 7, "func": "int f()\n\n{\n\n  \n\n  return 1;\n\n}", "target": 1},
    {"idx": 9, "func": "x" * 9000, "target": 0},
  ]
  (tmp_path / FILE.path).parent.mkdir()
  (tmp_path / FILE.path).write_bytes(gzip.compress("\n".join(map(json.dumps, rows)).encode()))
  return DefectDetection().questions()


def test_functions_are_asked_about_without_their_blank_lines(questions):
  asked = "int f()\n{\n  return 1;\n}\n\nQuestion: Is this function vulnerable?\nAnswer:"
  assert questions[0].id == "7"
  assert questions[0].pairs == ((asked, " no"), (asked, " yes"))
  assert questions[1].pairs[0][0].startswith("x" * LONGEST + "\n\nQ")


@pytest.mark.parametrize(("no", "yes", "right"), [(1.0, 2.0, (0, 1)), (2.0, 1.0, (1, 0))])
def test_the_likelier_answer_counts(questions, no, yes, right):
  likelihoods = [Likelihood(np.float32([nats]), np.array([True])) for nats in (no, yes)]
  judged = [DefectDetection().judge(question, likelihoods) for question in questions]
  assert judged == [{"acc": value} for value in right]


def test_the_published_split_is_read(monkeypatch):
  if not (SHARED / FILE.path).is_file():
    pytest.skip(f"{FILE.path}, no part of the repository, is not at hand; see {FILE.source}")
  monkeypatch.setenv("CODEGEN_JAX_BENCHMARKS", str(SHARED))
  asked = DefectDetection().questions()
  assert len(asked) == 2732 and sum(one.facts["right"] for one in asked) == 1255
  assert DefectDetection().data_sha256() == {FILE.path: FILE.sha256}
