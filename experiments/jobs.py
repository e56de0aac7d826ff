"""The runs that an experiment needs, each once however many arms or experiments share it.

  runs/trained/<scale>/<gin file>-<hash>/seed_<n>/

The hash is that of all that gin files say of the training, and of the runs before it.  Where two
gin files say the same, the folder has the name of the first that was trained.
"""

from collections.abc import Sequence
import dataclasses
import hashlib
import json
import pathlib
from typing import Any

from codegen_jax import config as gin_config
from codegen_jax.data import mixture
from codegen_jax.errors import InputError
from codegen_jax.evaluation import suite
from codegen_jax.run_config import RunConfig, fill
from experiments import experiment
from experiments.experiment import Arm, Experiment, Metric, Run
from experiments.work import Job

Asked = tuple[str, str]  # what is measured, and which value of it


@dataclasses.dataclass(frozen=True)
class Flags:
  """What a command line lays over every run."""

  gin_files: tuple[str, ...] = ()
  bindings: tuple[str, ...] = ()
  search_paths: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Place:
  """A run of one seed: how it is trained, and where."""

  gin_files: tuple[str, ...]
  bindings: tuple[str, ...]
  workdir: pathlib.Path
  config: RunConfig
  after: "Place | None"

  def chain(self) -> list["Place"]:
    """All runs up to this one, the first first."""
    return [*([] if self.after is None else self.after.chain()), self]


class Jobs:
  """Those of one experiment at one scale.

  Args:
    asked: the experiment.
    scale: by its name.
    seeds: of each arm.
    folder: of all runs.
    flags: over every run.

  Raises:
    InputError: settings cannot work, or would not answer the question.
  """

  def __init__(
    self,
    asked: Experiment,
    *,
    scale: str,
    seeds: Sequence[int],
    folder: pathlib.Path,
    flags: Flags,
  ):
    self.asked, self.scale, self.seeds = asked, scale, seeds
    self._folder, self._flags = folder / "trained" / scale, flags
    self._places: dict[tuple[Run, int], Place] = {}
    self._names: dict[str, str] = {}  # hash -> folder
    self._wanted: dict[pathlib.Path, dict[Asked, None]] = {}
    # Before the first is trained: a slip in the last arm should not wait for the others.
    for seed in seeds:
      for arm in asked.arms:
        for metric_name, _ in asked.measured(arm, scale):
          place, wanted = self.where(arm, metric_name, seed)
          _check(place.config, wanted, seed)
          self._wanted.setdefault(place.workdir, {})[wanted] = None

  def where(self, arm: str, metric: str, seed: int) -> tuple[Place, Asked]:
    """The run that a metric is read from, and what of it."""
    one: Arm = self.asked.arms[arm]
    wanted: Metric = self.asked.metrics[metric]
    place = self.place(one.runs()[wanted.run], seed)
    words = place.config.corpora | {
      word: fill(meant, place.config.corpora) for word, meant in one.words.items()
    }
    return place, (fill(wanted.of, words), fill(wanted.value, words))

  def place(self, run: Run, seed: int) -> Place:
    if (run, seed) not in self._places:
      self._places[run, seed] = self._place(run, seed)
    return self._places[run, seed]

  def arm(self, name: str, seed: int) -> Place:
    """Where the arm's own run is."""
    return self.place(self.asked.arms[name].run, seed)

  def places(self) -> list[Place]:
    """Every run that must be there, a run before those that begin with its weights."""
    places = {one.workdir: one for place in self._places.values() for one in place.chain()}
    return sorted(places.values(), key=lambda one: len(one.chain()))

  def ordered(self) -> list[Job]:
    """The same as processes are told them."""
    return [self._job(place) for place in self.places()]

  def after(self, job: Job) -> str | None:
    """The workdir that must be finished before."""
    for place in self._places.values():
      if str(place.workdir) == job.workdir and place.after is not None:
        return str(place.after.workdir)
    return None

  def check_data(self) -> None:
    """Looks for what is measured, and for what tuned runs read, before hours go by.

    Both are often the user's own.

    Raises:
      InputError: it is not here.
    """
    names: dict[str, None] = {}
    for place in self._places.values():
      tuned = () if place.after is None else (place.config.train.data.mixture,)
      names |= dict.fromkeys((*tuned, *place.config.evaluation.held_out))
    for name in names:
      for task in mixture.resolve(name)[0]:
        task.source.record()

  def _place(self, run: Run, seed: int) -> Place:
    after = None if run.after is None else self.place(run.after, seed)
    files = (
      run.gin_file, experiment.scale_file(self.scale, run.budget), *self._flags.gin_files
    )  # fmt: skip
    begins = () if after is None else (f"INIT_FROM = {str(after.workdir)!r}",)
    bindings = (f"SEED = {seed}", *begins, *self._flags.bindings)
    config = gin_config.load(RunConfig, files, bindings, self._flags.search_paths).config
    key = _hash(config, None if after is None else after.workdir)
    if key not in self._names:
      known = sorted(path.name for path in self._folder.glob(f"*-{key}"))
      self._names[key] = known[0] if known else f"{pathlib.Path(run.gin_file).stem}-{key}"
    return Place(files, bindings, self._folder / self._names[key] / f"seed_{seed}", config, after)

  def _job(self, place: Place) -> Job:
    data = place.config.train.data
    return Job(
      label=f"{place.workdir.parent.name} {place.workdir.name}",
      gin_files=place.gin_files,
      bindings=place.bindings,
      search_paths=self._flags.search_paths,
      workdir=str(place.workdir),
      asked=tuple(self._wanted.get(place.workdir, {})),
      total_steps=place.config.train.total_steps,
      row_tokens=data.batch_size * data.seq_len,
    )


def _hash(config: RunConfig, after: pathlib.Path | None) -> str:
  """Of the training alone: the same run may be measured by several experiments."""
  told: dict[str, Any] = gin_config.flat(config.train)
  told |= {"seed": None, "data.seed": None}
  told["warm_start.run"] = None if after is None else after.parent.name.rpartition("-")[2]
  return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:8]


def _check(config: RunConfig, asked: Asked, seed: int) -> None:
  """Refuses settings under which the run would not answer the question."""
  if config.train.seed != seed:
    raise InputError(
      f"the seed was set to {config.train.seed}, and an experiment numbers its seeds itself; take"
      " that setting out and give --seeds"
    )
  of, _ = asked
  if of not in config.evaluation.held_out and of not in suite.NAMES:
    raise InputError(f"HELD_OUT lacks {of}, on which this experiment is measured; add it")
