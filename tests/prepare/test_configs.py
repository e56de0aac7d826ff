"""The gin files of published corpora."""

import pathlib

import pytest

from codegen_jax import config
from codegen_jax.prepare.settings import PrepareConfig

FOLDER = pathlib.Path(__file__).parents[2] / "gin_configs" / "prepare"
FILES = sorted(file.stem for file in FOLDER.glob("*.gin"))


@pytest.mark.parametrize("name", FILES)
def test_every_file_loads_under_its_own_name(name):
  loaded = config.load(PrepareConfig, [f"gin_configs/prepare/{name}.gin"]).config
  assert loaded.name == {"base": "code"}.get(name, name)
  assert loaded.exact and loaded.near and loaded.decontamination
