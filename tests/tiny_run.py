"""A run's folder of a model that reads text, never trained; its task and its gin file.

`tests/gin/tiny_run.gin` is what would have trained it.
"""

import dataclasses
import json
import pathlib

import numpy as np

from codegen_jax.checkpoint.checkpoints import Checkpoints
from codegen_jax.checkpoint.retention import Retention
from codegen_jax.data.objectives import CausalLM
from tasks import build
from tests import tiny
from tests import tiny_language_model as language
from tests.data import toy

GIN = "tests/gin/tiny_run.gin"


@dataclasses.dataclass(frozen=True)
class TextSource(toy.ToySource):
  """As its base, under a vocabulary that has text."""

  @property
  def vocabulary(self):
    return language.make_vocabulary()


build.add_task("tiny_run", TextSource("tiny_run", {"train": {"a.py": [1, 2, 3]}}), CausalLM())


def write(folder: pathlib.Path, *, seed: int = 5, step: int = 7) -> pathlib.Path:
  """With seed 5 the weights are those of `tiny_language_model.make_model`."""
  saved = Checkpoints(folder / "checkpoints", retention=Retention(9))
  params = tiny.random_params(np.random.default_rng(seed), language.CONFIG)
  saved.save(step, params=params, opt_state={"step": np.int32(step)}, data={})
  saved.close()
  model = dataclasses.asdict(language.CONFIG)
  (folder / "config.json").write_text(json.dumps({"model": model}))
  (folder / "config.gin").write_text(f"include '{GIN}'\n")
  return folder
