"""Who may import whom: arrows point one way, gin stays at the door, mesh axes in one file."""

import ast
from collections.abc import Iterator
import pathlib

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[1]
FILES = sorted(f for part in ("codegen_jax", "tasks", "experiments") for f in (ROOT / part).rglob("*.py"))  # fmt: skip  # noqa: E501

# A name stands for a module or for a package with all that is in it; its own package needs no word.
NOTHING = {"__init__", "countdown", "errors", "files", "interrupts", "types"}
ANYONE = {"countdown", "errors", "files", "interrupts"}
MAY_IMPORT = {
  **{name: set() for name in NOTHING},
  "quiet": set(),
  "did_you_mean": set(),
  "distributed": {"endings"},
  "endings": set(),
  "supervise": {"checkpoint.steps"},
  "sandbox": set(),
  "data": {"types", "did_you_mean"},
  "kernels": {"types"},
  "models": {"types", "kernels"},
  "partitioning": {"types"},
  "checkpoint": {"types"},
  "training": {
    "types",
    "did_you_mean",
    "data",
    "models",
    "partitioning",
    "checkpoint",
    "distributed",
    "quiet",
    "checkout",
    "__init__",
  },
  "inference": {
    "types",
    "models",
    "partitioning",
    "checkpoint",
    "training.losses",
    "data.special_tokens",
    "data.objectives.sentinels",
  },
  "checkout": {"__init__"},
  "evaluation": {"types", "did_you_mean", "data", "inference", "sandbox", "checkout"},
  "measure": {
    "types",
    "checkpoint.steps",
    "training.early_stopping",
    "data",
    "evaluation",
    "inference",
    "partitioning",
    "run_config",
  },
  "evaluate": {"checkpoint.steps", "config", "run_config", "evaluation", "measure"},
  "inspection": {"types", "data", "models"},
  "interop": {
    "types",
    "did_you_mean",
    "quiet",
    "measure",
    "data",
    "models",
    "partitioning",
    "checkpoint",
    "training",
    "inference",
    "config",
    "run_config",
  },
  "plan": {
    "types",
    "did_you_mean",
    "models",
    "partitioning",
    "training",
    "inference",
    "config",
    "run_config",
  },
  "prepare": {"types", "did_you_mean", "data", "config"},
  "config": {"did_you_mean", "gin_files"},
  "gin_files": {"did_you_mean"},
  "run_config": {"did_you_mean", "training", "evaluation"},
}


def imports(file: pathlib.Path) -> Iterator[str]:
  """Every module that a file imports, also inside functions; for a class, the module it is in."""
  for node in ast.walk(ast.parse(file.read_text())):
    if isinstance(node, ast.Import):
      yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
      assert node.level == 0, f"{file}:{node.lineno} imports relatively, which hides where from"
      for alias in node.names:
        path = ROOT.joinpath(*node.module.split("."), alias.name)
        is_module = path.is_dir() or path.with_suffix(".py").exists()
        yield f"{node.module}.{alias.name}" if is_module else node.module


def ours(file: pathlib.Path) -> set[str]:
  """What a file imports of codegen_jax, without that name in front."""
  found = {name for name in imports(file) if name.split(".")[0] == "codegen_jax"}
  return {name.removeprefix("codegen_jax").lstrip(".") or "__init__" for name in found}


def within(name: str, allowed: set[str]) -> bool:
  return any(name == one or name.startswith(f"{one}.") for one in allowed)


def where(file: pathlib.Path) -> str:
  return file.relative_to(ROOT).as_posix()


LIBRARY = [file for file in FILES if where(file).startswith("codegen_jax/")]


@pytest.mark.parametrize("file", LIBRARY, ids=where)
def test_arrows_of_the_library_point_one_way(file):
  here = file.relative_to(ROOT / "codegen_jax").parts[0].removesuffix(".py")
  if here != "main":
    assert here in MAY_IMPORT, f"say in MAY_IMPORT what {here} may import"
    allowed = MAY_IMPORT[here] | (set() if here in NOTHING else ANYONE | {here})
    assert not {name for name in ours(file) if not within(name, allowed)}
  assert not {n for n in imports(file) if n.split(".")[0] in ("tasks", "experiments", "tests")}


def test_tasks_know_only_data_and_experiments_no_tasks():
  for file in FILES:
    if where(file).startswith("tasks/"):
      assert not {n for n in ours(file) if not within(n, {"data", "did_you_mean", "errors"})}, file
    for other in {"tasks": ("experiments",), "experiments": ("tasks",)}.get(where(file).split("/")[0], ()):  # fmt: skip  # noqa: E501
      assert other not in {name.split(".")[0] for name in imports(file)}, file


def test_gin_is_imported_in_config_alone():
  assert {where(f) for f in FILES if "gin" in {n.split(".")[0] for n in imports(f)}} == {
    "codegen_jax/config.py"
  }


def test_mesh_axes_are_named_in_partitioning_alone():
  # `data` and `model` are words of other meanings too; `fsdp` is none.
  assert {where(file) for file in FILES if "fsdp" in file.read_text()} == {
    "codegen_jax/partitioning.py"
  }


def test_the_walk_sees_imports_of_every_kind(tmp_path):
  file = tmp_path / "a.py"
  file.write_text(
    "import codegen_jax\nfrom codegen_jax import data as d, main\n"
    "def f():\n  from codegen_jax.training.losses import cross_entropy\n  import tasks.local\n"
  )
  assert ours(file) == {"__init__", "data", "main", "training.losses"}
  assert {*imports(file)} - {f"codegen_jax.{n}" for n in ours(file)} == {
    "codegen_jax",
    "tasks.local",
  }
