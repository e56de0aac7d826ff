"""What a launch is asked for: which experiment, on what, under which name, with which output."""

from collections.abc import Mapping
import dataclasses
import re

from codegen_jax.errors import InputError
from codegen_jax.plan.topology import Topology

# xpk, GKE and Cloud TPU take such names alone, and xpk no longer ones.
NAME, LONGEST = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?"), 40
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclasses.dataclass(frozen=True)
class Request:
  """A command line of `experiments.launch`, checked.

  Attributes:
    experiment: a file of experiments/.
    scale: of gin_configs/scales/.
    name: of everything that is made.
    output: the folder of all runs, gs://bucket/folder or a path.
    flags: of `experiments.run`, besides the two above and --runs.
    environment: variables that every process is given, e.g. where its corpora are.
    commit: of the checkout, which hosts get.
    restarts: after pre-emptions, before the launch is given up.
    topology: of a TPU slice.
    project: of Google Cloud.
    zone: of Google Cloud.
    cluster: one that is there already; "" makes one, and deletes it.
    image: of a container that `create` builds and pushes.
    spot: whether machines may be taken away, for a lower price.
    queued: whether to wait for a TPU VM until there is one.
    processes: how many, where that does not follow from a topology.
    devices: of all processes together; 0 where nobody knows.
    sbatch: further flags of sbatch.
  """

  experiment: str
  scale: str
  name: str
  output: str
  flags: tuple[str, ...] = ()
  environment: Mapping[str, str] = dataclasses.field(default_factory=dict)
  commit: str = "HEAD"
  restarts: int = 50
  topology: Topology | None = None
  project: str = ""
  zone: str = ""
  cluster: str = ""
  image: str = ""
  spot: bool = False
  queued: bool = False
  processes: int = 1
  devices: int = 0
  sbatch: tuple[str, ...] = ()

  def __post_init__(self):
    _check_name("--name", self.name)
    if self.cluster:
      _check_name("--cluster", self.cluster)
    for variable in self.environment:
      if not VARIABLE.fullmatch(variable):
        raise InputError(f"--env has {variable!r}; write NAME=VALUE with a name of a variable")
    if self.processes < 1:
      raise InputError(f"--processes is {self.processes}; give 1 or more")
    if self.restarts < 0 or self.devices < 0:
      raise InputError("--restarts and --devices count something; give 0 or more")
    said = (self.output, self.project, self.zone, self.image, *self.flags, *self.sbatch)
    for word in (*said, *self.environment.values()):
      if any(ord(letter) < 32 for letter in word):
        raise InputError(f"{word!r} has a line break or a tab; write it in one line")

  def need(self, *names: str) -> None:
    """Raises InputError for flags that a target cannot do without."""
    missing = [f"--{name}" for name in names if not getattr(self, name)]
    if missing:
      raise InputError(f"this target needs {', '.join(missing)}; see docs/launch.md")

  def training(self, runs: str, python: str = "python") -> tuple[str, ...]:
    """What every host runs."""
    return (
      *(python, "-m", "experiments.run", self.experiment),
      *(f"--scale={self.scale}", f"--runs={runs}", *self.flags),
    )

  def preflight(self, runs: str, python: str = "python") -> tuple[str, ...]:
    """What every host runs before."""
    devices = [f"--devices={self.devices}"] if self.devices else []
    return (python, "-m", "experiments.preflight", f"--runs={runs}", *devices)


def default_name(experiment: str, scale: str) -> str:
  """`lesson1-prefix-lm-demo`."""
  name = re.sub(r"[^a-z0-9]+", "-", f"{experiment}-{scale}".lower()).strip("-")
  return name[:LONGEST].rstrip("-")


def _check_name(flag: str, name: str) -> None:
  if NAME.fullmatch(name) and len(name) <= LONGEST:
    return
  near = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-0123456789")[:LONGEST].rstrip("-")
  raise InputError(
    f"{flag} is {name!r}; a name has small letters, digits and dashes, begins with a letter and"
    f" has at most {LONGEST} of them, e.g. {near or 'my-run'}"
  )
