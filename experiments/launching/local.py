"""`--target=local`: processes of this machine, joined over its own network."""

import sys

from codegen_jax.supervise import PREEMPTED
from experiments.experiment import ROOT
from experiments.launching import shell
from experiments.launching.plan import Command, Plan, Step
from experiments.launching.request import Request


def plan(request: Request) -> Plan:
  request.need("output")
  start = Command(
    "stays in the foreground",
    _here(request, _processes(request, *request.training(request.output)[1:])),
  )
  preflight = _processes(request, *request.preflight(request.output)[1:])
  return Plan(
    "local",
    (),
    (
      Step(
        "create",
        "the folder of all runs",
        (Command("where it is not there", shell.command("mkdir", "-p", request.output)),),
      ),
      Step(
        "preflight",
        "versions, devices, a sum over all of them, the folder",
        (Command("in as many processes", _here(request, preflight)),),
      ),
      Step("start", f"exit code {PREEMPTED} restarts it, exit codes 1, 2 and 3 do not", (start,)),
      Step("watch", "start says all there is to say", ()),
      Step("restart", "by hand: finished runs stay, others continue", (start,)),
      Step("delete", "nothing is left that costs anything; the runs stay", ()),
    ),
  )


def _processes(request: Request, *words: str) -> tuple[str, ...]:
  counts = (f"--processes={request.processes}", f"--restarts={request.restarts}")
  return (sys.executable, "-m", "experiments.launching.processes", *counts, "--", *words)


def _here(request: Request, words: tuple[str, ...]) -> str:
  """In the checkout, with the request's variables."""
  variables = [f"{name}={value}" for name, value in request.environment.items()]
  return shell.command("env", f"--chdir={ROOT}", *variables, *words)
