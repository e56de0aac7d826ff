"""`codegen-jax evaluate`: what a run's newest checkpoint can do, in numbers."""

import argparse
from collections.abc import Sequence
import pathlib
from typing import Any

from codegen_jax import config as gin_config
from codegen_jax.checkpoint import steps
from codegen_jax.errors import InputError

NAME = "evaluate"
HELP = "measure a checkpoint of a workdir: held-out bits per byte, labels, benchmarks"
EPILOG = """\
benchmarks:
  held_out                  bits per byte of the mixtures of HELD_OUT, the default
  humaneval                 pass@k of 164 functions
  microeval                 pass@k of 200 generated functions, which `micro_*` tasks train for
  humaneval_infilling_KIND  KIND is single_line, multi_line, random_span or random_span_light
  mtpb, mtpb_single_turn    pass@k of 115 programs with 5 inputs each, asked for in steps or at once
  lambada_openai, piqa, boolq
                            as lm-eval measures them
  xsum                      ROUGE of one-sentence summaries, after one example
  defect_detection          insecure C functions (CodeXGLUE), without an example
  generated_TASK            answers in words to a task of questions, compared with the right ones
CODEGEN_JAX_BENCHMARKS names the folder of their files, but for humaneval (docs/evaluation.md).
Answers are kept in WORKDIR/eval; the same command goes on with what is missing.
"""


def add_to(commands: argparse._SubParsersAction, gin_help: str) -> argparse.ArgumentParser:
  parser = commands.add_parser(
    NAME,
    help=HELP,
    description=HELP[0].upper() + HELP[1:] + ".",
    epilog=gin_help + "\n" + EPILOG,
    formatter_class=argparse.RawDescriptionHelpFormatter,
    allow_abbrev=False,
  )
  parser.add_argument(
    "--workdir", "--checkpoint", required=True, type=pathlib.Path, help="the run's folder"
  )
  parser.add_argument(
    "--benchmarks",
    type=_names,
    default=None,
    metavar="A,B",
    help="which ones; default: BENCHMARKS of the gin files",
  )
  parser.add_argument(
    "--limit", type=int, metavar="N", help="the first N problems of each benchmark alone"
  )
  parser.add_argument(
    "--step", type=steps.named, help="of the checkpoint: a number, or best; the newest by default"
  )
  return parser


def run(
  gin_files: Sequence[str],
  bindings: Sequence[str],
  workdir: pathlib.Path,
  *,
  search_paths: Sequence[str] = (),
  names: Sequence[str] | None = None,
  limit: int | None = None,
  step: Any = None,
) -> None:
  """Measures, and prints a table."""
  import jax

  from codegen_jax import measure
  from codegen_jax.evaluation import results, suite

  config = _load(gin_files, bindings, search_paths)
  names = config.evaluation.benchmarks if names is None else names
  if not names:
    raise InputError(f"there is nothing to evaluate; name benchmarks: {', '.join(suite.NAMES)}")
  suite.check(names)
  if limit is not None and limit < 1:
    raise InputError(f"--limit is {limit}; give 1 or more")
  table: list[tuple[str, str, str]] = []
  if suite.HELD_OUT in names:
    for mixture, result in measure.held_out(config, workdir, step).items():
      table += (_labels if "accuracy" in result["metrics"] else _bits_per_byte)(mixture, result)
  others = [name for name in names if name != suite.HELD_OUT]
  if others:
    for result in measure.benchmarks(config, workdir, others, limit, step):
      table += results.lines(result)
  if jax.process_index() == 0:
    for line in format_table(table):
      print(line)


def evaluate(
  gin_files: Sequence[str],
  bindings: Sequence[str],
  workdir: pathlib.Path,
  *,
  search_paths: Sequence[str] = (),
) -> dict[str, Any]:
  """Held-out bits per byte of the workdir's newest checkpoint, for each mixture of HELD_OUT."""
  from codegen_jax import measure

  return measure.held_out(_load(gin_files, bindings, search_paths), workdir)


def format_table(rows: Sequence[tuple[str, str, str]]) -> list[str]:
  """Columns of one width each."""
  first, second = (max(len(row[i]) for row in rows) for i in (0, 1))
  return [f"{name:{first}}  {metric:{second}}  {value}" for name, metric, value in rows]


def _bits_per_byte(mixture: str, result: dict[str, Any]) -> list[tuple[str, str, str]]:
  """A row for all documents, and where they are of several languages one for each."""
  parts = result["languages"] if len(result["languages"]) > 1 else {}
  whole = result["counts"] | result["metrics"]
  return [
    (
      mixture,
      f"bits per byte  {name and f'{name}  '}({part['bytes']:,} bytes of {part['documents']}"
      " held-out documents)",
      f"{part['bits_per_byte']:.4f}",
    )
    for name, part in {"": whole, **parts}.items()
  ]


def _labels(mixture: str, result: dict[str, Any]) -> list[tuple[str, str, str]]:
  told = f"of {result['counts']['documents']} held-out texts"
  return [(mixture, f"{name}  ({told})", f"{x:.4f}") for name, x in result["metrics"].items()]


def _load(gin_files: Sequence[str], bindings: Sequence[str], search_paths: Sequence[str]) -> Any:
  from codegen_jax.run_config import RunConfig

  return gin_config.load(RunConfig, gin_files, bindings, search_paths).config


def _names(text: str) -> tuple[str, ...]:
  return tuple(name.strip() for name in text.split(",") if name.strip())
