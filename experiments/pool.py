"""Runs beside one another on a machine's CPU, each on cores of its own, and how far they are.

A small network on one core learns more a second of CPU than on two, and compilation takes one
core anyway.  Accelerators belong to one process, which takes run after run.
"""

from collections.abc import Callable, Sequence
import dataclasses
import json
import os
import pathlib
import signal
import subprocess
import sys
import time
from typing import Any, NoReturn

from codegen_jax.errors import InputError
from codegen_jax.files import write_json
from codegen_jax.main import PREEMPTED
from codegen_jax.training import metrics
from experiments import experiment, work
from experiments.work import Job

MEMORY_OF_A_RUN = 4 << 30  # bytes: a demo run with TensorFlow beside it takes 2 GB
TOLD_EVERY = 30.0  # seconds between two lines about how far all are
LOG = "run.log"
PROGRAM = "experiments.work"

After = Callable[[Job], str | None]


class RunFailedError(Exception):
  """A run ended with another exit code than 0, which is the command's too."""

  def __init__(self, code: int, sentence: str):
    super().__init__(sentence)
    self.code = code


def default_jobs() -> int:
  """How many runs this machine can hold at once; 1 where an accelerator or other processes are."""
  import jax

  if jax.process_count() > 1 or jax.default_backend() != "cpu":
    return 1
  memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
  return max(1, min(len(os.sched_getaffinity(0)), memory // MEMORY_OF_A_RUN))


def do(jobs: Sequence[Job], after: After, *, at_once: int) -> None:
  """Does all jobs.

  Args:
    jobs: a run before those that begin with its weights.
    after: the workdir that must be finished before a job.
    at_once: 1 does them in this process.

  Raises:
    RunFailedError: a run failed; those beside it have saved what they had.
    InputError: `at_once` is no number of processes.
  """
  if at_once < 1:
    raise InputError(f"--jobs is {at_once}; give 1 or more")
  if at_once > 1 and distributed_run():
    raise InputError("several processes train one run together; leave out --jobs")
  if at_once == 1:
    for number, job in enumerate(jobs, start=1):
      work.do(dataclasses.replace(job, label=f"[{number}/{len(jobs)}] {job.label}"))
    return
  _Pool(jobs, after, at_once).run()


def distributed_run() -> bool:
  import jax

  return jax.process_count() > 1


class _Pool:
  """Processes, each with a job."""

  def __init__(self, jobs: Sequence[Job], after: After, at_once: int):
    self._waiting, self._after, self._all = list(jobs), after, list(jobs)
    cores = sorted(os.sched_getaffinity(0))
    self._free = [cores[i::at_once] or cores for i in range(at_once)]
    self._running: dict[subprocess.Popen, tuple[Job, list[int]]] = {}
    self._done: set[str] = set()
    self._began, self._at_start = time.monotonic(), self._tokens()
    self._told = self._began

  def run(self) -> None:
    before = signal.signal(signal.SIGTERM, _terminated)
    try:
      while self._waiting or self._running:
        while self._free and (job := self._next()) is not None:
          self._start(job)
        self._reap()
        if time.monotonic() - self._told > TOLD_EVERY:
          self._tell("")
        time.sleep(0.2)
    except BaseException:
      self._stop(
        signal.SIGINT if isinstance(sys.exception(), KeyboardInterrupt) else signal.SIGTERM
      )
      raise
    finally:
      signal.signal(signal.SIGTERM, before)

  def _next(self) -> Job | None:
    """The first whose run before it is finished."""
    for job in self._waiting:
      before = self._after(job)
      if before is None or before in self._done:
        self._waiting.remove(job)
        return job
    return None

  def _start(self, job: Job) -> None:
    workdir, cores = pathlib.Path(job.workdir), self._free.pop()
    workdir.mkdir(parents=True, exist_ok=True)
    write_json(workdir / "job.json", dataclasses.asdict(job) | {"cores": cores})
    with (workdir / LOG).open("w") as log:
      process = subprocess.Popen(
        [sys.executable, "-m", PROGRAM, str(workdir / "job.json")],
        stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=experiment.ROOT,
        start_new_session=True,  # Ctrl-C reaches it through us, once
      )  # fmt: skip
    self._running[process] = job, cores
    self._tell(f"started {job.label}")

  def _reap(self) -> None:
    for process in [one for one in self._running if one.poll() is not None]:
      job, cores = self._running.pop(process)
      self._free.append(cores)
      if process.returncode:
        raise RunFailedError(max(process.returncode, 1), _last_words(job, process.returncode))
      self._done.add(job.workdir)
      self._tell(f"finished {job.label}")

  def _stop(self, number: signal.Signals) -> None:
    for process in self._running:
      process.send_signal(number)
    for process in self._running:
      process.wait()

  def _tell(self, news: str) -> None:
    self._told = time.monotonic()
    learned, whole = self._tokens(), sum(job.total_steps * job.row_tokens for job in self._all)
    rate = (learned - self._at_start) / (self._told - self._began)
    left = f"about {(whole - learned) / rate / 60:.0f} min of training left" if rate else ""
    at = [
      f"{job.label} at step {_step(job)}/{job.total_steps}" for job, _ in self._running.values()
    ]
    parts = [news, *([] if news else at), left]
    line = "  ".join(part for part in parts if part)
    print(f"[{len(self._done)}/{len(self._all)} done]  {line}", file=sys.stderr, flush=True)

  def _tokens(self) -> int:
    return sum(_step(job) * job.row_tokens for job in self._all)


def _step(job: Job) -> int:
  """How far a run is."""
  file = pathlib.Path(job.workdir) / metrics.STEPS
  if not file.exists():
    return 0
  with file.open("rb") as lines:
    lines.seek(max(0, file.stat().st_size - 4096))
    told: list[dict[str, Any]] = []
    for line in lines.read().splitlines()[-2:]:
      try:
        told.append(json.loads(line))
      except ValueError:  # cut by where we began to read, or by a kill
        continue
  return told[-1]["step"] if told else 0


def _terminated(number: int, frame: Any) -> NoReturn:
  raise RunFailedError(PREEMPTED, "preempted; what was trained is saved, start again to continue")


def _last_words(job: Job, code: int) -> str:
  log = pathlib.Path(job.workdir) / LOG
  if code < 0:
    return f"{job.label} was killed by {signal.Signals(-code).name} (what it said: {log})"
  lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
  said = lines[-1].partition(": ")[2] or lines[-1] if lines else "it said nothing"
  return f"{job.label}: {said} (all it said: {log})"
