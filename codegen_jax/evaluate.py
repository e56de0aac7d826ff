"""`codegen-jax evaluate`: what a run's newest checkpoint can do, in numbers."""

import argparse
from collections.abc import Sequence
import dataclasses
import hashlib
import pathlib
from typing import Any

from codegen_jax import config as gin_config
from codegen_jax.errors import InputError

NAME = "evaluate"
HELP = "measure a workdir's newest checkpoint: held-out bits per byte, benchmarks"
HELD_OUT = "held_out"
EPILOG = """\
benchmarks:
  held_out                  bits per byte of the mixtures of HELD_OUT, the default
  humaneval                 pass@k of 164 functions
  microeval                 pass@k of 200 generated functions, which `micro_*` tasks train for
  humaneval_infilling_KIND  KIND is single_line, multi_line, random_span or random_span_light
  lambada_openai, piqa, boolq
                            as lm-eval measures them; CODEGEN_JAX_BENCHMARKS names the folder of
                            their files (docs/evaluation.md)
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
  return parser


def run(
  gin_files: Sequence[str],
  bindings: Sequence[str],
  workdir: pathlib.Path,
  *,
  search_paths: Sequence[str] = (),
  names: Sequence[str] | None = None,
  limit: int | None = None,
) -> None:
  """Measures, and prints a table."""
  from codegen_jax.evaluation import results, suite

  config = _load(gin_files, bindings, search_paths)
  names = config.evaluation.benchmarks if names is None else names
  if not names:
    raise InputError(f"there is nothing to evaluate; name benchmarks: {', '.join(suite.NAMES)}")
  suite.check(names)
  if limit is not None and limit < 1:
    raise InputError(f"--limit is {limit}; give 1 or more")
  table: list[tuple[str, str, str]] = []
  if HELD_OUT in names:
    for mixture, result in held_out(config, workdir).items():
      counts = result["counts"]
      told = f"({counts['bytes']:,} bytes of {counts['documents']} held-out documents)"
      value = f"{result['metrics']['bits_per_byte']:.4f}"
      table.append((mixture, f"bits per byte  {told}", value))
  others = [name for name in names if name != HELD_OUT]
  if others:
    for result in _benchmarks(config, workdir, others, limit):
      table += results.lines(result)
  for line in format_table(table):
    print(line)


def held_out(config: Any, workdir: pathlib.Path) -> dict[str, Any]:
  """Held-out bits per byte of each mixture; returns and writes the results."""
  from codegen_jax.evaluation import runner
  from codegen_jax.inference import scoring

  if not config.evaluation.held_out:
    raise InputError(
      "there is nothing to evaluate on; name mixtures, e.g."
      " --gin.HELD_OUT=\"('local_code_clm', 'local_prose_clm')\""
    )
  step, scorer = scoring.load_scorer(
    workdir,
    model=config.train.model,
    attention=config.train.attention,
    partitioning_config=config.train.partitioning,
    batch_size=config.evaluation.batch_size,
    loss_chunks=config.train.loss_chunks,
  )
  return runner.evaluate(
    config.evaluation,
    workdir,
    data=config.train.data,
    step=step,
    scorer=scorer,
    scored_by=_scored_by(config, workdir),
  )


def evaluate(
  gin_files: Sequence[str],
  bindings: Sequence[str],
  workdir: pathlib.Path,
  *,
  search_paths: Sequence[str] = (),
) -> dict[str, Any]:
  """Held-out bits per byte of the workdir's newest checkpoint, for each mixture of HELD_OUT."""
  return held_out(_load(gin_files, bindings, search_paths), workdir)


def load_model(config: Any, workdir: pathlib.Path, **options: Any) -> tuple[Any, Any]:
  """The newest checkpoint as a language model, and its vocabulary."""
  from codegen_jax.data import mixture
  from codegen_jax.inference.language_model import LanguageModel

  train = config.train
  tasks, _ = mixture.resolve(train.data.mixture)
  vocabulary = mixture.vocabulary(tasks[0])
  model = LanguageModel.load(
    workdir, model=train.model, attention=train.attention,
    partitioning_config=train.partitioning, vocabulary=vocabulary, **options,
  )  # fmt: skip
  return model, vocabulary


def format_table(rows: Sequence[tuple[str, str, str]]) -> list[str]:
  """Columns of one width each."""
  first, second = (max(len(row[i]) for row in rows) for i in (0, 1))
  return [f"{name:{first}}  {metric:{second}}  {value}" for name, metric, value in rows]


def _benchmarks(config: Any, workdir: pathlib.Path, names: Sequence[str], limit: int | None):
  from codegen_jax.evaluation import suite

  model, vocabulary = load_model(config, workdir)
  return suite.run(
    names,
    workdir,
    model=model,
    vocabulary=vocabulary,
    config=config.evaluation.generation,
    scored_by=_scored_by(config, workdir) | {"vocabulary": vocabulary.fingerprint},
    limit=limit,
  )


def _load(gin_files: Sequence[str], bindings: Sequence[str], search_paths: Sequence[str]) -> Any:
  from codegen_jax.run_config import RunConfig

  return gin_config.load(RunConfig, gin_files, bindings, search_paths).config


def _scored_by(config: Any, workdir: pathlib.Path) -> dict[str, Any]:
  return {
    "attention": config.train.attention,
    "model": dataclasses.asdict(config.train.model),
    # The same step of another training in this folder is another model.
    "run": hashlib.sha256((workdir / "config.json").read_bytes()).hexdigest(),
  }


def _names(text: str) -> tuple[str, ...]:
  return tuple(name.strip() for name in text.split(",") if name.strip())
