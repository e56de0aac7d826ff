"""What shares out elements among workers: Beam's runner, on this machine or elsewhere.

Texts and tokens stay in files: what goes through a runner's memory is 16 bytes for each band of a
document.  Beam is imported here, in copies.py and in worker.py alone.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
import dataclasses
import logging
import re
import shlex
import sys
from typing import Any

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.portability.fn_api_runner import fn_runner
from apache_beam.transforms.environments import SubprocessSDKEnvironment

from codegen_jax.errors import InputError
from codegen_jax.prepare import progress
from codegen_jax.prepare.storage import Path

_WORKER = SubprocessSDKEnvironment.from_command_string(
  f"{shlex.quote(sys.executable)} -m codegen_jax.prepare.worker"
)


@dataclasses.dataclass(frozen=True)
class Runner:
  """Beam's own flags, and how many processes share the heavy stages here."""

  flags: tuple[str, ...] = ()
  workers: int = 1

  @property
  def is_here(self) -> bool:
    return not any(flag.startswith("--runner") for flag in self.flags)

  def run(self, build: Callable[[beam.Pipeline], Any], *, heavy: bool = False) -> None:
    runner, flags = None, list(self.flags)
    if self.is_here:
      logging.getLogger("apache_beam").setLevel(logging.CRITICAL)  # errors are raised, too
      runner = fn_runner.FnApiRunner(_WORKER if heavy and self.workers > 1 else None)
      flags += [f"--direct_num_workers={self.workers}"] if heavy else []
    try:
      with beam.Pipeline(runner, options=PipelineOptions(flags)) as pipeline:
        build(pipeline)
    except RuntimeError as error:
      raise _again(error) from error

  def make(
    self, stage: str, files: Mapping[Path, Any], function: Callable[..., Any], *, heavy: bool
  ) -> None:
    """Calls the function of everything whose file is not there yet."""
    left = {file: element for file, element in files.items() if not file.exists()}
    if left:
      with progress.told(f"prepare: {stage}", [*left]):
        self.run(_each(function, [*left.values()]), heavy=heavy)


def _again(error: RuntimeError) -> Exception:
  """A runner tells as text what failed in a worker; of what a user can act on the error is made."""
  text = str(error)
  if told := re.search(r"InputError: (.*?)(?: \[while running|$)", text, re.M):
    return InputError(told[1])
  if told := re.search(r"OSError: \[Errno (\d+)\] (.*?)(?: \[while running|$)", text, re.M):
    return OSError(int(told[1]), told[2])
  return error


class _Counted(beam.DoFn):
  """Calls a function of an element, and counts what its tally says for the runner's own display."""

  def __init__(self, function: Callable[..., dict[str, Any]]):
    self._function = function

  def process(self, element: Any) -> Iterator[Any]:
    told = self._function(element)
    for reason, count in told.get("dropped", {}).items():
      beam.metrics.Metrics.counter("dropped", reason).inc(count)
    beam.metrics.Metrics.counter("documents", "kept").inc(told.get("kept", 0))
    yield told


def _each(function: Callable[..., Any], elements: Sequence[Any]) -> Callable[[beam.Pipeline], Any]:
  def build(pipeline: beam.Pipeline) -> Any:
    return (
      pipeline
      | beam.Create(list(elements), reshuffle=True)
      | beam.ParDo(_Counted(function))
    )  # fmt: skip

  return build
