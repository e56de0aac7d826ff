"""`--target=slurm`: a batch job whose tasks are the processes; a folder that every node sees.

JAX finds the others by Slurm's own variables.  `sbatch --requeue` alone brings back a job whose
node is gone; the script asks for it too when its processes say that they were pre-empted.
"""

import sys

from codegen_jax.supervise import PREEMPTED
from experiments.experiment import ROOT
from experiments.launching import codes, shell
from experiments.launching.plan import Command, File, Plan, Step
from experiments.launching.request import Request

NOTICE = 120  # seconds before the time limit that processes are asked to save and end


def plan(request: Request) -> Plan:
  request.need("output")
  return Plan("slurm", ("sbatch", "squeue", "sacct", "scancel"), tuple(_steps(request)))


def _steps(request: Request) -> list[Step]:
  job = File(f"{request.name}.sbatch", _job(request))
  watch = File("watch.sh", _watch(request))
  log = f"{request.name}.log"
  start = Command("one task a process", shell.command("sbatch", job.name))
  return [
    Step(
      "create",
      "the folder of all runs, which every node must see",
      (Command("where it is not there", shell.command("mkdir", "-p", request.output)),),
      (job,),
    ),
    Step(
      "preflight",
      "whether Slurm would take the job; its tasks run experiments.preflight before they train",
      (Command("says when it would start", shell.command("sbatch", "--test-only", job.name)),),
    ),
    Step("start", f"exit code {PREEMPTED} requeues it, exit codes 1, 2 and 3 do not", (start,)),
    Step(
      "watch",
      f"ends with the job; its words: tail -F {log}",
      (Command("its state, each minute", f"bash {watch.name}"),),
      (watch,),
    ),
    Step(
      "restart",
      "by hand, after the reason is repaired: finished runs stay, others continue",
      (start,),
    ),
    Step(
      "delete",
      "the job; its runs stay",
      (Command("ends it, if it is there", shell.command("scancel", f"--name={request.name}")),),
    ),
  ]


def _job(request: Request) -> str:
  flags = (
    *(
      f"--job-name={request.name}",
      f"--output={request.name}.log",
      f"--ntasks={request.processes}",
    ),
    *("--requeue", "--open-mode=append", f"--signal=TERM@{NOTICE}"),
    *request.sbatch,
  )
  srun = ("srun", "--kill-on-bad-exit=0")  # a task that ends first has saved; others still do
  preflight = request.preflight(request.output, sys.executable)
  training = request.training(request.output, sys.executable)
  lines = [
    shell.command("cd", str(ROOT)) + " || exit 2",
    *shell.exports(request.environment),
    "code=0",
    f"{{ {shell.command(*srun, *preflight)} &&",
    f"  {shell.command(*srun, *training)}; }} || code=$?",
    f"if {codes.TEST}; then",
    f'  if [ "${{SLURM_RESTART_COUNT:-0}}" -lt {request.restarts} ]; then',
    '    echo "exit code $code: requeued"',
    '    scontrol requeue "$SLURM_JOB_ID"',
    "  fi",
    "fi",
    'exit "$code"',
  ]
  # sbatch reads its flags up to the first command.
  directives = [f"#SBATCH {shell.command(flag)}" for flag in flags]
  return "\n".join(["#!/usr/bin/env bash", *directives, "set -uo pipefail", *lines]) + "\n"


def _watch(request: Request) -> str:
  state = shell.command("squeue", "--noheader", f"--name={request.name}", "--format=%T")
  end = shell.command(
    *("sacct", "--noheader", "--allocations", f"--name={request.name}"),
    "--format=State%20,ExitCode",
  )
  return shell.script(
    f'while state=$({state}) && [ -n "$state" ]; do',
    '  echo "$(date -u +%FT%TZ) $state"',
    "  sleep 60",
    "done",
    f"last=$({end} | tail -n 1)",
    'echo "$last"',
    '[[ "$last" == *COMPLETED* ]]',
  )
