"""FLAN's gin files: the paper's recipe, and mixtures that are there and measure what is unseen."""

import pathlib

import pytest
import seqio

from codegen_jax import config
from codegen_jax.run_config import RunConfig
from tasks.flan import dataset, mixtures

ROOT = pathlib.Path(__file__).resolve().parents[3]
FOLDER = ROOT / "gin_configs/flan"
FILES = sorted(
  file.relative_to(ROOT).as_posix()
  for file in FOLDER.glob("*.gin")
  if not file.stem.startswith(("prompt", "untuned"))
)


def load(*files: str) -> RunConfig:
  return config.load(RunConfig, ["gin_configs/models/tiny.gin", *files], ["INIT_FROM = 'x'"]).config


def test_the_recipe_is_the_paper_s():
  train = load(FILES[0]).train
  assert train.optimizer.kind == "adafactor" and train.total_steps == 30_000
  assert train.optimizer.peak_learning_rate == train.optimizer.end_learning_rate == 3e-5
  assert train.data.seq_len * train.data.batch_size == 8192
  assert train.data.seq_len >= 1024 + 256


@pytest.mark.parametrize("file", FILES)
def test_an_arm_is_measured_on_what_it_never_reads(file):
  run = load(file)
  read = _data_sets(run.train.data.mixture.removesuffix("_present"))
  assert read
  for name in run.evaluation.held_out:
    measured = _data_sets(name.removesuffix("_present"))
    assert measured and not read & measured


def test_prompt_tuning_trains_the_rows_of_its_prompt():
  run = load("gin_configs/flan/prompt_boolq.gin")
  answer = seqio.TaskRegistry.get(run.train.data.mixture).source.objective.objective
  first, stop = run.train.optimizer.trained_rows
  assert answer.prompt_ids.tolist() == [*range(first, stop)]
  (held_out,) = run.evaluation.held_out
  measured = seqio.TaskRegistry.get(held_out).source.objective.objective
  assert measured.choices and measured.prompt == answer.prompt == mixtures.PROMPT


def _data_sets(name: str) -> set[str]:
  found = seqio.get_mixture_or_task(name)
  tasks = [task.name for task in getattr(found, "tasks", [found])]
  known = sorted(dataset.load(), key=len, reverse=True)
  return {next(one for one in known if task.startswith(f"flan_{one}_")) for task in tasks}
