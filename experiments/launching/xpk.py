"""`--target=gke-xpk`: a cluster of Google Kubernetes Engine by xpk, which writes the JobSet itself.

xpk restarts a workload on exit codes 42 and 127 to 255, and on those that it is told.
"""

from codegen_jax.supervise import PREEMPTED
from experiments.experiment import ROOT
from experiments.launching import bucket, code, gke, shell
from experiments.launching.plan import Command, Plan, Step
from experiments.launching.request import Request
from experiments.launching.tpus import Slice

ACCOUNT = "xpk-sa"  # under which xpk's workloads run
LONGEST_WAIT = 90 * 86_400  # seconds; xpk's own default is a week


def plan(request: Request) -> Plan:
  request.need("topology", "project", "zone", "image", "output")
  assert request.topology is not None
  return Plan("gke-xpk", ("xpk", "gcloud", "docker", "git"), tuple(_steps(request)))


def _steps(request: Request) -> list[Step]:
  cluster = request.cluster or request.name
  where = (f"--cluster={cluster}", f"--project={request.project}", f"--zone={request.zone}")
  workload = f"--workload={request.name}"
  volume = f"{request.name}-runs"
  create_workload = _create_workload(request, where, volume)
  delete_workload = Command(
    "deletes the job; its runs stay in the bucket",
    shell.command("xpk", "workload", "delete", *where, workload, "--force"),
  )
  start = Command("a job that trains on every host of the slice", create_workload)
  return [
    _create(request, where, volume),
    Step(
      "preflight",
      "what can be asked before; each pod runs experiments.preflight before it trains",
      (
        Command(
          "prints the job without starting it",
          f"{create_workload} \\\n  --dry-run --output-manifest-file={request.name}.yaml",
        ),
      ),
    ),
    Step("start", f"exit code {PREEMPTED} restarts it, exit codes 1, 2 and 3 do not", (start,)),
    Step(
      "watch",
      "ends with the job; its words: kubectl logs --follow"
      f" --selector=xpk.google.com/workload={request.name}",
      (
        Command(
          "the job's state",
          shell.command("xpk", "workload", "list", *where, f"--filter-by-job={request.name}"),
        ),
        Command(
          "waits for its end; 125 is one that failed",
          shell.command(
            *("xpk", "workload", "list", *where, f"--wait-for-job-completion={request.name}"),
            f"--timeout={LONGEST_WAIT}",
          ),
        ),
      ),
    ),
    Step(
      "restart",
      "by hand, after the reason is repaired: finished runs stay, others continue",
      (
        Command(
          "what the cluster knows of the job that failed",
          shell.command("xpk", "inspector", *where, workload, "--print-to-terminal"),
        ),
        delete_workload,
        start,
      ),
    ),
    _delete(request, where, volume, delete_workload),
  ]


def _create_workload(request: Request, where: tuple[str, ...], volume: str) -> str:
  assert request.topology is not None
  runs = bucket.parse(request.output).runs(gke.MOUNTED)
  return shell.command(
    *("xpk", "workload", "create", *where, f"--workload={request.name}"),
    *(f"--tpu-type={Slice(request.topology).accelerator_type}", "--num-slices=1"),
    *(f"--docker-image={request.image}", f"--storage={volume}"),
    *(f"--max-restarts={request.restarts}", f"--restart-on-exit-codes={PREEMPTED}"),
    f"--termination-grace-period-seconds={gke.GRACE}",
    *(f"--env={name}={value}" for name, value in request.environment.items()),
    f"--command={gke.pod(request, runs)}",
  )


def _create(request: Request, where: tuple[str, ...], volume: str) -> Step:
  assert request.topology is not None
  runs = bucket.parse(request.output)
  capacity = "--spot" if request.spot else "--on-demand"
  cluster = Command(
    "a cluster with the slice, and Cloud Storage FUSE for the bucket",
    shell.command(
      *("xpk", "cluster", "create", *where, capacity),
      *(f"--tpu-type={Slice(request.topology).accelerator_type}", "--num-slices=1"),
      *("--enable-workload-identity", "--enable-gcsfuse-csi-driver"),
    ),
  )
  attach = Command(
    f"the bucket as the folder {gke.MOUNTED} of a pod",
    shell.command(
      *("xpk", "storage", "attach", volume, "--type=gcsfuse", *where, f"--bucket={runs.name}"),
      *(f"--mount-point={gke.MOUNTED}", "--readonly=false", "--size=1", "--auto-mount=false"),
      *(f"--mount-options={','.join(bucket.FRESH)}", "--no-prefetch-metadata"),
    ),
  )
  return Step(
    "create",
    "bucket, image, cluster" if not request.cluster else "bucket and image; the cluster is there",
    (
      bucket.create(runs, project=request.project, zone=request.zone),
      *code.image(request, str(ROOT)),
      *(() if request.cluster else (cluster,)),
      bucket.allow(runs, project=request.project, account=ACCOUNT),
      attach,
    ),
    (code.dockerfile(request),),
  )


def _delete(request: Request, where: tuple[str, ...], volume: str, workload: Command) -> Step:
  detach = shell.command("xpk", "storage", "detach", volume, *where)
  cluster = Command(
    "deletes the cluster with its slice, which ends what it costs",
    shell.command("xpk", "cluster", "delete", *where, "--force"),
  )
  return Step(
    "delete",
    "everything but the bucket"
    if not request.cluster
    else "the job; the cluster was there before and stays, with what it costs",
    (
      workload,
      Command("forgets the bucket, which stays", detach),
      *(() if request.cluster else (cluster,)),
    ),
  )
