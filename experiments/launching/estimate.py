"""How long the runs of an experiment will take on a slice: their steps compiled, never run.

Arms that differ in their data alone have one step; each is compiled once, which takes minutes.
"""

from collections.abc import Sequence
import dataclasses
import json
import pathlib
import subprocess
import sys
from typing import Any

from codegen_jax import config as gin_config
from codegen_jax.errors import InputError
from experiments import experiment
from experiments.experiment import Experiment
from experiments.jobs import Flags, Jobs, Place

# Fields of TrainConfig, or what their names begin with, that no compiled step depends on.
OUTSIDE_A_STEP = (
  *("seed", "total_steps", "data.", "warm_start.", "early_stopping.", "log_every", "keep_"),
  *("checkpoint_every", "evaluate_every", "max_skipped", "spike", "skip_steps", "hang_seconds"),
)
DAY = 86_400  # seconds


@dataclasses.dataclass(frozen=True)
class Cost:
  """Of one run, in all of its seeds.

  Attributes:
    label: the run's folder.
    tokens: that it trains on.
    told: what `codegen-jax plan --json` says of its step.
  """

  label: str
  tokens: int
  told: dict[str, Any]

  @property
  def fits(self) -> bool:
    return self.told["fits"]

  @property
  def missing(self) -> float:
    """Bytes of each chip."""
    return self.told["memory"]["total"] - self.told["memory"]["available"]

  @property
  def days(self) -> float:
    return self.tokens / self.told["tokens_per_second"] / DAY

  @property
  def chip_hours(self) -> float:
    return self.days * 24 * self.told["chips"]


def costs(asked: Experiment, *, scale: str, seeds: int, flags: Flags, topology: str) -> list[Cost]:
  """Of every run that the experiment needs.

  Raises:
    InputError: settings cannot work, or nothing here compiles for a TPU.
  """
  jobs = Jobs(asked, scale=scale, seeds=range(1), folder=pathlib.Path("runs"), flags=flags)
  plans: dict[str, dict[str, Any]] = {}
  found = []
  for place in jobs.places():
    key, label = _step(place), place.workdir.parent.name
    if key not in plans:
      print(f"launch: compiles the step of {label}; minutes", file=sys.stderr, flush=True)
      plans[key] = _plan(place, flags.search_paths, topology)
    train = place.config.train
    tokens = train.total_steps * train.data.batch_size * train.data.seq_len * seeds
    found.append(Cost(label, tokens, plans[key]))
  return found


def text(found: Sequence[Cost], *, seeds: int, dollars: float | None) -> str:
  """For a terminal."""
  chips = found[0].told["chips"]
  of_seeds = f"run ({seeds} {'seed' if seeds == 1 else 'seeds'} together)"
  lines = [
    f"{found[0].told['topology']}, {chips} chips; one run after another, compiled and never run",
    f"{of_seeds:44}{'tokens':>10}{'days':>9}{'chip-hours':>13}",
  ]
  for cost in found:
    if cost.fits:
      lines.append(_row(cost.label, cost.tokens, cost.days, cost.chip_hours))
    else:
      lines.append(f"{cost.label:44}does NOT fit: {cost.missing / 2**30:.2f} GiB a chip too many")
  if all(cost.fits for cost in found):
    hours = sum(cost.chip_hours for cost in found)
    tokens, days = sum(cost.tokens for cost in found), sum(cost.days for cost in found)
    lines.append(_row("together", tokens, days, hours))
    if dollars is not None:
      lines.append(f"at {dollars:,.2f} dollars a chip-hour: {hours * dollars:,.2f} dollars")
  lines.append(
    "measuring, saving and restarts are left out; a step may be a quarter faster or slower"
    " (docs/tpu.md)"
  )
  return "\n".join(lines)


def _row(label: str, tokens: int, days: float, hours: float) -> str:
  return f"{label:44}{tokens / 1e9:9.3f}B{days:9.3f}{hours:13,.2f}"


def _step(place: Place) -> str:
  """Equal where two runs have one compiled step."""
  train = place.config.train
  told = {
    name: value
    for name, value in gin_config.flat(train).items()
    if not name.startswith(OUTSIDE_A_STEP)
  }
  # A decoder and a PrefixLM read one description of a mask.
  told["attention"] = train.attention == "bidirectional"
  told |= {"rows": train.data.batch_size, "length": train.data.seq_len}
  return json.dumps(told, sort_keys=True)


def _plan(place: Place, search_paths: Sequence[str], topology: str) -> dict[str, Any]:
  """In a process of its own: libtpu's variables would be inherited by what is started later."""
  command = [sys.executable, "-m", "codegen_jax.main", "plan", f"--topology={topology}", "--json"]
  command += [f"--gin_file={name}" for name in place.gin_files]
  command += [f"--gin_bindings={binding}" for binding in place.bindings]
  command += [f"--gin_search_paths={name}" for name in search_paths]
  done = subprocess.run(command, cwd=experiment.ROOT, capture_output=True, text=True)
  if done.returncode:
    said = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
    raise InputError(f"{said} (--no-estimate leaves the estimate out)")
  return json.loads(done.stdout.strip().splitlines()[-1])
