"""The trials of a sweep as runs: settings -> jobs, each in a folder of its own.

  runs/sweeps/<name>/<settings>-<hash>/seed_<n>/

The hash is that of all settings but the seed, so what stands in a folder was made by just these.
"""

from collections.abc import Sequence
import dataclasses
import hashlib
import json
import pathlib
import re

from codegen_jax import config as gin_config
from codegen_jax.data import mixture, variants
from codegen_jax.errors import InputError
from codegen_jax.evaluation import suite
from codegen_jax.run_config import RunConfig, fill
from experiments import work
from experiments.jobs import Flags
from experiments.sweep_space import Trial
from experiments.work import Job

VALUES = ("bits_per_byte", "accuracy", "pass@1")


@dataclasses.dataclass(frozen=True)
class Planned:
  """A trial: what it sets, and its run of each seed."""

  trial: Trial
  jobs: tuple[Job, ...]


@dataclasses.dataclass(frozen=True)
class Sweep:
  """What is trained, and by what it is judged."""

  gin_files: tuple[str, ...]
  flags: Flags
  folder: pathlib.Path
  seeds: int
  metric: str  # "" is the first of HELD_OUT

  def plan(self, trials: Sequence[Trial]) -> tuple[list[Planned], tuple[str, str]]:
    """All runs and what is asked of each.

    Raises:
      InputError: a trial cannot work, does not measure the metric, or is there twice.
    """
    asked = self._asked(self._config(self._bindings(trials[0], 0)))
    planned: list[Planned] = []
    names: dict[str, Trial] = {}
    for trial in trials:
      jobs = tuple(self._job(trial, seed, asked) for seed in range(self.seeds))
      name = pathlib.Path(jobs[0].workdir).parent.name.rpartition("-")[2]
      if name in names:
        raise InputError(
          f"{told(names[name])} and {told(trial)} are one and the same trial; take one out, or"
          " draw fewer"
        )
      names[name] = trial
      planned.append(Planned(trial, jobs))
    return planned, asked

  def _job(self, trial: Trial, seed: int, asked: tuple[str, str]) -> Job:
    bindings = self._bindings(trial, seed)
    config = self._config(bindings)
    self._check(config, asked, seed)
    label = re.sub(r"[^\w.=@,-]+", "_", told(trial))[:80]
    folder = self.folder / f"{label}-{_hash(config)}"
    data = config.train.data
    return Job(
      label=f"{told(trial)} seed {seed}",
      gin_files=self.gin_files + self.flags.gin_files,
      bindings=bindings,
      search_paths=self.flags.search_paths,
      workdir=str(folder / f"seed_{seed}"),
      asked=(asked,),
      total_steps=config.train.total_steps,
      row_tokens=data.batch_size * data.seq_len,
      may_diverge=True,
    )

  def _bindings(self, trial: Trial, seed: int) -> tuple[str, ...]:
    """The trial's as gin reads them; `MIXTURE@rate` is a part of MIXTURE."""
    flags = [f"--gin.{name}={value}" for name, value in trial.items() if variants.MARK not in name]
    bindings = [f"SEED = {seed}", *self.flags.bindings, *gin_config.parse_gin_flags(flags)[1]]
    settings = ""
    for name, value in trial.items():
      of, mark, setting = name.partition(variants.MARK)
      if mark and of != "MIXTURE":
        raise InputError(f"{name} is no setting; write MIXTURE@{setting} for the objective's")
      settings += f"@{setting}={value}" if mark else ""
    if settings:
      base = self._config(tuple(bindings)).train.data.mixture
      bindings.append(f"MIXTURE = {base + settings!r}")
    return tuple(bindings)

  def _config(self, bindings: tuple[str, ...]) -> RunConfig:
    files = self.gin_files + self.flags.gin_files
    return gin_config.load(RunConfig, files, bindings, self.flags.search_paths).config

  def _asked(self, config: RunConfig) -> tuple[str, str]:
    held_out = config.evaluation.held_out
    if not self.metric and not held_out:
      raise InputError("HELD_OUT is empty, so no trial measures anything; set it, or --metric")
    of, slash, value = (self.metric or f"{held_out[0]}/{VALUES[0]}").rpartition("/")
    if not slash or value not in VALUES:
      raise InputError(f"--metric is {self.metric!r}; write MIXTURE/{' or MIXTURE/'.join(VALUES)}")
    return fill(of, config.corpora), value

  def _check(self, config: RunConfig, asked: tuple[str, str], seed: int) -> None:
    of, _ = asked
    if config.train.seed != seed:
      raise InputError("a sweep numbers its seeds itself; take SEED out and give --seeds")
    if of not in config.evaluation.held_out and of not in suite.NAMES:
      known = ", ".join((*config.evaluation.held_out, *suite.NAMES))
      raise InputError(f"no trial measures {of} (--metric); measured are {known}")
    mixture.resolve(config.train.data.mixture)


def left(planned: Sequence[Planned], asked: tuple[str, str]) -> list[Job]:
  """What is not measured yet, and did not diverge."""
  return [
    job
    for one in planned
    for job in one.jobs
    if not work.path(pathlib.Path(job.workdir), *asked).exists() and not work.diverged(job)
  ]


def told(trial: Trial) -> str:
  return ",".join(f"{name}={value}" for name, value in trial.items())


def _hash(config: RunConfig) -> str:
  settings = gin_config.flat(config) | {"train.seed": None, "train.data.seed": None}
  return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:8]
