"""`--target=tpu-vm`: a slice of TPU VMs by gcloud, for v4 and v5e; newer ones are reached by GKE.

Each host runs `host.sh`, which starts its processes again after a pre-emption that leaves the
machines.  One that takes them away is seen by `watch.sh`, which makes them anew; leave it running.
"""

from codegen_jax.supervise import PREEMPTED
from experiments.experiment import ROOT
from experiments.launching import bucket, code, codes, shell
from experiments.launching.plan import Command, File, Plan, Step
from experiments.launching.request import Request
from experiments.launching.tpus import Slice

MOUNTED = "/mnt/runs"
EVERY = 60  # seconds between two looks
NONE_FREE = 600  # seconds between two questions for a slice where none was free
FUSE = (  # as Cloud Storage FUSE's page on its installation says
  "release=$(lsb_release --codename --short)",
  "curl --silent --show-error --fail https://packages.cloud.google.com/apt/doc/apt-key.gpg |"
  " sudo tee /usr/share/keyrings/cloud.google.asc >/dev/null",
  'echo "deb [signed-by=/usr/share/keyrings/cloud.google.asc]'
  ' https://packages.cloud.google.com/apt gcsfuse-$release main" |'
  " sudo tee /etc/apt/sources.list.d/gcsfuse.list >/dev/null",
)


def plan(request: Request) -> Plan:
  request.need("topology", "project", "zone", "output")
  return Plan("tpu-vm", ("gcloud", "git"), tuple(_steps(request)))


def _steps(request: Request) -> list[Step]:
  machines = File("machines.sh", _machines(request))
  setup = File("setup.sh", _setup(request))
  preflight = File("preflight.sh", _on_a_host(request, _preflight(request)))
  host = File("host.sh", _host(request))
  begin, watch = File("begin.sh", _begin(request)), File("watch.sh", _watch(request))
  delete = _delete(request)
  everything = (
    Command("all hosts, with code, packages and bucket", f"bash {machines.name}"),
    Command("training, in the background of each host", f"bash {begin.name}"),
  )
  return [
    Step(
      "create",
      "bucket, slice, and on each host the code, its packages and the mounted bucket",
      (
        bucket.create(bucket.parse(request.output), project=request.project, zone=request.zone),
        code.bundle(request, str(ROOT)),
        everything[0],
      ),
      (machines, setup, preflight, host, begin, watch),
    ),
    Step(
      "preflight",
      "versions, chips, a sum over all of them, the bucket; host.sh runs it too, each time",
      (Command("on every host at once", _ssh(request, "all", f"bash {preflight.name}")),),
    ),
    Step(
      "start", f"exit code {PREEMPTED} restarts it, exit codes 1, 2 and 3 do not", (everything[1],)
    ),
    Step(
      "watch",
      "leave it running: it makes a slice anew that was taken away, and ends with the runs",
      (Command("the last line of host 0, each minute", f"bash {watch.name}"),),
    ),
    Step(
      "restart",
      "by hand, after the reason is repaired: finished runs stay, others continue",
      (Command("the slice that is there, or is not", f"{delete} || true"), *everything),
    ),
    Step(
      "delete",
      "everything but the bucket",
      (Command("deletes the slice, which ends what it costs", delete),),
    ),
  ]


def _gcloud(request: Request, what: str, verb: str, *words: str) -> str:
  where = (f"--project={request.project}", f"--zone={request.zone}")
  return shell.command("gcloud", "compute", "tpus", what, verb, *words, *where)


def _ssh(request: Request, worker: str, line: str) -> str:
  return _gcloud(request, "tpu-vm", "ssh", request.name, f"--worker={worker}", f"--command={line}")


def _delete(request: Request) -> str:
  if request.queued:  # with its slice
    return _gcloud(request, "queued-resources", "delete", request.name, "--force", "--quiet")
  return _gcloud(request, "tpu-vm", "delete", request.name, "--quiet")


def _machines(request: Request) -> str:
  """Makes the slice and brings the code there."""
  assert request.topology is not None
  tpu = Slice(request.topology)
  what = (f"--accelerator-type={tpu.accelerator_type}", *(("--spot",) if request.spot else ()))
  scopes = "--scopes=https://www.googleapis.com/auth/cloud-platform"
  if request.queued:
    state = _gcloud(
      request, "queued-resources", "describe", request.name, "--format=value(state.state)"
    )
    make = [
      *shell.function("state", state),
      _gcloud(
        *(request, "queued-resources", "create", request.name, f"--node-id={request.name}"),
        *(f"--runtime-version={tpu.names.runtime}", *what, scopes),
      ),
      'until [ "$(state)" = ACTIVE ]; do',
      '  case "$(state)" in FAILED | SUSPENDED) exit 1 ;; esac',
      f"  sleep {EVERY}",
      "done",
    ]
  else:
    make = [
      _gcloud(
        *(request, "tpu-vm", "create", request.name),
        *(f"--version={tpu.names.runtime}", *what, scopes),
      )
    ]
  copied = (code.BUNDLE, "setup.sh", "preflight.sh", "host.sh")
  copy = _gcloud(request, "tpu-vm", "scp", *copied, f"{request.name}:", "--worker=all")
  return shell.script(*make, copy, _ssh(request, "all", "bash setup.sh"))


def _setup(request: Request) -> str:
  """On each host, once."""
  runs = bucket.parse(request.output)
  options = [
    "--implicit-dirs",
    "--metadata-cache-ttl-secs=0",
    "--metadata-cache-negative-ttl-secs=0",
  ]
  python = f"{code.FOLDER}/.venv/bin/python"
  return shell.script(
    'cd "$HOME"',
    "if ! command -v gcsfuse >/dev/null; then",
    *(f"  {line}" for line in FUSE),
    "fi",
    "sudo apt-get update --quiet --quiet",
    "sudo apt-get install --quiet --yes gcsfuse git python3.11-venv",
    f'sudo mkdir -p {MOUNTED} && sudo chown "$USER" {MOUNTED}',
    f"mountpoint --quiet {MOUNTED} || {shell.command('gcsfuse', *options, runs.name, MOUNTED)}",
    *code.unpack(request),
    f"python3.11 -m venv {code.FOLDER}/.venv",
    f"{python} -m pip install --quiet -e './{code.FOLDER}[tpu,eval]' \\",
    f"  -c {code.FOLDER}/requirements.lock",
  )


def _preflight(request: Request) -> str:
  return shell.command(*request.preflight(bucket.parse(request.output).runs(MOUNTED)))


def _on_a_host(request: Request, *lines: str) -> str:
  return shell.script(
    f'cd "$HOME/{code.FOLDER}"',
    'PATH="$PWD/.venv/bin:$PATH"',
    *shell.exports(request.environment),
    *lines,
  )


def _host(request: Request) -> str:
  """On each host: starts its process again where exit codes say so."""
  training = shell.command(*request.training(bucket.parse(request.output).runs(MOUNTED)))
  return _on_a_host(
    request,
    "restarts=0",
    "while true; do",
    "  code=0",
    f"  {{ {_preflight(request)} && {training}; }} || code=$?",
    f"  if {codes.TEST}; then",
    f'    [ "$restarts" -lt {request.restarts} ] || break',
    "    restarts=$((restarts + 1))",
    f'    echo "exit code $code: start {"$restarts"} of {request.restarts} again"',
    "    sleep 10",
    "  else",
    "    break",
    "  fi",
    "done",
    f'echo "$code" > "$HOME/{request.name}.ended"',
    'exit "$code"',
  )


def _begin(request: Request) -> str:
  """Starts host.sh on every host, where it goes on when this connection ends."""
  ended, log = f"{request.name}.ended", f"{request.name}.log"
  line = f"rm -f {ended}; nohup bash host.sh >{log} 2>&1 </dev/null &"
  return shell.script(_ssh(request, "all", line))


def _watch(request: Request) -> str:
  state = _gcloud(request, "tpu-vm", "describe", request.name, "--format=value(state)")
  ended = _ssh(request, "0", f"cat {request.name}.ended 2>/dev/null")
  last = _ssh(request, "0", f"tail -n 1 {request.name}.log")
  return shell.script(
    *shell.function("state", state),
    *shell.function("ended", ended),
    *shell.function("last_line", last),
    *shell.function("delete", _delete(request)),
    "restarts=0",
    "made=yes",
    "while true; do",
    "  state=MISSING",
    '  if [ "$made" = yes ]; then state=$(state || echo UNKNOWN); fi',
    '  case "$state" in',
    "    READY)",
    "      code=$(ended || true)",
    '      if [[ "$code" =~ ^[0-9]+$ ]]; then',
    '        echo "the runs ended with exit code $code"',
    '        exit "$code"',
    "      fi",
    '      echo "$(date -u +%FT%TZ) $(last_line || true)"',
    "      ;;",
    "    PREEMPTED | TERMINATED | MISSING)",
    f'      if [ "$restarts" -ge {request.restarts} ]; then exit {PREEMPTED}; fi',
    "      restarts=$((restarts + 1))",
    f'      echo "the slice was taken away; made anew, {"$restarts"} of {request.restarts}"',
    "      delete || true",
    "      made=no",
    "      if bash machines.sh && bash begin.sh; then",
    "        made=yes",
    "      else",
    f'        echo "there is none; asked again in {NONE_FREE} s"',
    f"        sleep {NONE_FREE}",
    "      fi",
    "      ;;",
    '    *) echo "$(date -u +%FT%TZ) the slice is $state" ;;',
    "  esac",
    f"  sleep {EVERY}",
    "done",
  )
