"""How many tokens of tokenised documents become rows of a batch in a second of one core.

  python -m benchmarks.data

Our rows are read as a run reads them.  Beside them stand the same objectives in TF ops, packed by
seqio (tf_pipelines.py), and infilling with Python's lists (python_fim.py).  README.md says more.
"""

import argparse
from collections.abc import Callable, Sequence
import json
import os
import statistics
import sys
from typing import Any

import numpy as np

from benchmarks import measure, processes
from benchmarks.measure import Rate
from benchmarks.processes import Job
from codegen_jax.quiet import import_tensorflow, quiet

# As in tasks/recipes.py.  psm_token_prefix is psm_token again, beside a pipeline that does as much:
# our rows always say which tokens are prefix, and those of a decoder's usual converter do not.
OBJECTIVES = (
  *("clm", "prefix_lm", "psm_token", "psm_token_prefix", "span_corruption", "t5"),
  *("codegen2", "ul2", "incoder", "mlm", "psm", "psm_document"),
)
IN_PYTHON = ("psm_token", "psm_token_prefix")
MEMORY = ("psm_token", "span_corruption")


def main(argv: Sequence[str]) -> None:
  flags = _parser().parse_args(argv)
  lengths = flags.seq_len or ([256] if flags.quick else [2048, 256])
  rounds, seconds, tokens = (1, 0.1, 200_000) if flags.quick else (flags.rounds, 1.0, 10_000_000)
  quiet()
  import_tensorflow()
  from benchmarks import documents  # imports TensorFlow too, which is quiet only now

  store = documents.store(flags.mean_document)
  read = documents.of(store)[: 5 if flags.quick else None]
  report: dict[str, Any] = {
    "documents": store.num_documents,
    "mean_document": round(store.num_tokens / store.num_documents),
    "batch_size": flags.batch_size,
    "rounds": rounds,
    "cores": os.cpu_count(),
  }
  print(
    "{documents} documents of {mean_document} tokens on average; {batch_size} rows a batch; medians"
    " of {rounds} rounds; {cores} cores".format(**report)
  )

  def job(objective: str, length: int) -> Job:
    recipe = objective.removesuffix("_prefix")
    return Job(recipe, length, flags.batch_size, flags.mean_document)

  jobs = {(length, name): job(name, length) for length in lengths for name in flags.objectives}
  memory = [job(name, lengths[0]) for name in MEMORY]
  _say("two processes, and memory")
  together, growth = processes.measure(
    [*jobs.values()], memory, rounds=rounds, seconds=seconds / rounds, tokens=tokens
  )
  two_processes = dict(zip(jobs, together, strict=True))
  report["rates"] = []
  for length in lengths:
    ways = {name: _ways(name, jobs[length, name], read, seconds) for name in flags.objectives}
    rates = _rounds(ways, rounds, f"rows of {length}")
    rows = [
      {
        "objective": name,
        "seq_len": length,
        "two_processes": two_processes[length, name],
        **{way: rate._asdict() for way, rate in rates[name].items()},
      }
      for name in flags.objectives
    ]
    print(_table(length, rows))
    report["rates"] += rows
  report["memory"] = [
    {"objective": one.recipe, "seq_len": one.seq_len, "tokens": tokens, "growth_mib": grown}
    for one, grown in zip(memory, growth, strict=True)
  ]
  for one in report["memory"]:
    print("{objective}: {tokens:,} tokens read, memory grew by {growth_mib:.1f} MiB".format(**one))
  print(json.dumps(report))


def _ways(
  objective: str, job: Job, documents: list[np.ndarray], seconds: float
) -> dict[str, Callable[[], Rate]]:
  """What measures an objective: our rows for so many seconds, others over all documents."""
  from benchmarks import ours, python_fim, tf_pipelines
  from tasks import local

  mine = ours.segment_ids(job, range(job.batch_size))
  ways = {"codegen_jax": lambda: measure.rate(mine, seconds=seconds)}
  settings: dict[str, Any] = {"length": job.seq_len, "seed": 0}
  if objective in tf_pipelines.OBJECTIVES:
    made = tf_pipelines.pipeline(objective, documents, local.VOCABULARY, **settings)
    packed = made.batch(job.batch_size)
    ways["seqio"] = lambda: measure.rate(
      features["decoder_segment_ids"] for features in packed.as_numpy_iterator()
    )
  if objective in IN_PYTHON:
    lists = [document.tolist() for document in documents]
    settings["size"] = job.batch_size
    ways["python"] = lambda: measure.rate(
      np.asarray(batch.segment_ids)
      for batch in python_fim.batches(lists, local.VOCABULARY, **settings)
    )
  return ways


def _rounds(
  ways: dict[str, dict[str, Callable[[], Rate]]], rounds: int, label: str
) -> dict[str, dict[str, Rate]]:
  """Medians; all take turns, so that what else the machine does meets each of them."""
  measured: dict[str, dict[str, list[Rate]]] = {
    name: {way: [] for way in ways[name]} for name in ways
  }
  for number in range(1 + rounds):
    for objective, of in ways.items():
      _say(f"{label}, round {number} of {rounds}, {objective}")
      for way, once in of.items():
        rate = once()
        if number:  # the first one builds graphs and fills caches
          measured[objective][way].append(rate)
  return {
    objective: {
      way: Rate(*map(statistics.median, zip(*rates, strict=True))) for way, rates in of.items()
    }
    for objective, of in measured.items()
  }


def _table(length: int, rows: list[dict[str, Any]]) -> str:
  head = f"\nrows of {length} tokens"
  lines = [
    f"{head:<26}{'million tokens per second of one core':^46}{'and of two':>12}",
    f"{'':<25}{'codegen_jax':>12}{'seqio':>10}{'x':>7}{'Python':>10}{'x':>7}{'processes':>12}",
  ]
  for row in rows:
    cells = [f"{row['objective']:<25}{row['codegen_jax']['per_cpu_second']:>12.2f}"]
    for way in ("seqio", "python"):
      if way in row:
        rate = row[way]["per_cpu_second"]
        cells.append(f"{rate:>10.2f}{row['codegen_jax']['per_cpu_second'] / rate:>7.1f}")
      else:
        cells.append(" " * 17)
    lines.append(f"{''.join(cells)}{row['two_processes']:>12.2f}")
  return "\n".join(lines) + "\n"


def _say(what: str) -> None:
  print(what, file=sys.stderr, flush=True)


def _parser() -> argparse.ArgumentParser:
  parser = argparse.ArgumentParser(
    prog="python -m benchmarks.data",
    description=__doc__,
    formatter_class=argparse.RawDescriptionHelpFormatter,
  )
  parser.add_argument("--seq_len", type=int, nargs="+", help="rows of so many tokens: 2048 and 256")
  parser.add_argument("--batch_size", type=int, default=16)
  parser.add_argument("--rounds", type=int, default=5)
  parser.add_argument(
    "--objectives", nargs="+", choices=OBJECTIVES, default=OBJECTIVES, metavar="NAME",
    help=", ".join(OBJECTIVES),
  )  # fmt: skip
  parser.add_argument(
    "--mean_document", type=int, help="cut the same text into documents of so many tokens"
  )
  parser.add_argument(
    "--quick", action="store_true", help="does it run?  Five documents, once: no figure to quote"
  )
  return parser


if __name__ == "__main__":
  main(sys.argv[1:])
