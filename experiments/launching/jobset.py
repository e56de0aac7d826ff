"""`--target=jobset`: a JobSet of Kubernetes by kubectl, without xpk.

One job with a pod for each host of the slice.  When a pod ends otherwise than with 0, its job
fails, and the JobSet makes all pods anew unless the exit code says that this is of no use:

  exit code       podFailurePolicy    job                     JobSet
  75, or killed   no rule             BackoffLimitExceeded    restarts, up to maxRestarts
  1, 2, 3         FailJob             PodFailurePolicy        FailJobSet
"""

from typing import Any

import yaml

from codegen_jax.supervise import PREEMPTED
from experiments.experiment import ROOT
from experiments.launching import bucket, code, codes, gke, shell
from experiments.launching.plan import Command, File, Plan, Step
from experiments.launching.request import Request
from experiments.launching.tpus import Slice

CONTAINER = "train"
ACCOUNT = "default"  # of the namespace
# JobSet's controller, which GKE does not bring.
CONTROLLER = "https://github.com/kubernetes-sigs/jobset/releases/download/v0.12.0/manifests.yaml"
PORTS = (8471, 8482)  # libtpu between hosts; JAX's coordinator


def plan(request: Request) -> Plan:
  request.need("topology", "project", "zone", "image", "output")
  return Plan("jobset", ("kubectl", "gcloud", "docker", "git"), tuple(_steps(request)))


def manifest(request: Request) -> dict[str, Any]:
  """The JobSet as plain values."""
  assert request.topology is not None
  tpu = Slice(request.topology)
  return {
    "apiVersion": "jobset.x-k8s.io/v1alpha2",
    "kind": "JobSet",
    "metadata": {"name": request.name},
    "spec": {
      # A headless service, by whose names pods find each other; GKE puts them into
      # TPU_WORKER_HOSTNAMES, where JAX finds its coordinator.
      "network": {"enableDNSHostnames": True, "publishNotReadyAddresses": True},
      "coordinator": {"replicatedJob": "slice", "jobIndex": 0, "podIndex": 0},
      "failurePolicy": {
        "maxRestarts": request.restarts,
        "rules": [
          {
            "name": "noUseToRestart",
            "action": "FailJobSet",
            "onJobFailureReasons": ["PodFailurePolicy"],
          }
        ],
      },
      "replicatedJobs": [
        {
          "name": "slice",
          "replicas": 1,
          "template": {
            "spec": {
              "completionMode": "Indexed",
              "parallelism": tpu.nodes,
              "completions": tpu.nodes,
              "backoffLimit": 0,
              "podFailurePolicy": {
                "rules": [
                  {
                    "action": "FailJob",
                    "onExitCodes": {
                      "containerName": CONTAINER,
                      "operator": "NotIn",
                      "values": sorted(codes.AGAIN),
                    },
                  }
                ]
              },
              "template": _pod(request, tpu),
            }
          },
        }
      ],
    },
  }


def _pod(request: Request, tpu: Slice) -> dict[str, Any]:
  runs = bucket.parse(request.output)
  spot = {"cloud.google.com/gke-spot": "true"} if request.spot else {}
  line = gke.pod(request, runs.runs(gke.MOUNTED))
  return {
    "metadata": {"annotations": {"gke-gcsfuse/volumes": "true"}},
    "spec": {
      "restartPolicy": "Never",
      "serviceAccountName": ACCOUNT,
      "terminationGracePeriodSeconds": gke.GRACE,
      "nodeSelector": {
        "cloud.google.com/gke-tpu-accelerator": tpu.names.accelerator,
        "cloud.google.com/gke-tpu-topology": tpu.shape,
      }
      | spot,
      "containers": [
        {
          "name": CONTAINER,
          "image": request.image,
          "command": ["bash", "-c", line],
          "env": [{"name": name, "value": value} for name, value in request.environment.items()],
          "ports": [{"containerPort": port} for port in PORTS],
          "resources": {"limits": {"google.com/tpu": tpu.chips_a_node}},
          "volumeMounts": [{"name": "runs", "mountPath": gke.MOUNTED}],
        }
      ],
      "volumes": [
        {
          "name": "runs",
          "csi": {
            "driver": "gcsfuse.csi.storage.gke.io",
            "volumeAttributes": {
              "bucketName": runs.name,
              "mountOptions": ",".join(bucket.FRESH),
            },
          },
        }
      ],
    },
  }


def _steps(request: Request) -> list[Step]:
  jobset = File(
    f"{request.name}.yaml", yaml.safe_dump(manifest(request), sort_keys=False, width=10_000)
  )
  apply = Command(
    "a pod for each host", shell.command("kubectl", "apply", f"--filename={jobset.name}")
  )
  delete = Command(
    "deletes the job; its runs stay in the bucket",
    shell.command("kubectl", "delete", "--ignore-not-found", "jobset", request.name),
  )
  logs = shell.command(
    *("kubectl", "logs", "--follow", f"--container={CONTAINER}"),
    f"--selector=jobset.sigs.k8s.io/jobset-name={request.name},"
    "batch.kubernetes.io/job-completion-index=0",
  )
  watch = File("watch.sh", _watch(request))
  return [
    _create(request),
    Step(
      "preflight",
      "what can be asked before; each pod runs experiments.preflight before it trains",
      (Command("the JobSet as the cluster would take it", f"{apply.line} --dry-run=server"),),
      (jobset,),
    ),
    Step("start", f"exit code {PREEMPTED} restarts it, exit codes 1, 2 and 3 do not", (apply,)),
    Step(
      "watch",
      f"ends with the job; its words: {' '.join(logs.split())}",
      (Command("restarts so far, each minute, until the end", f"bash {watch.name}"),),
      (watch,),
    ),
    Step(
      "restart",
      "by hand, after the reason is repaired: finished runs stay, others continue",
      (delete, apply),
    ),
    _delete(request, delete),
  ]


def _watch(request: Request) -> str:
  ask = shell.command("kubectl", "get", "jobset", request.name, "--output")
  return shell.script(
    "while true; do",
    f"  state=$({ask} 'jsonpath={{.status.terminalState}}')",
    f"  restarts=$({ask} 'jsonpath={{.status.restarts}}')",
    '  echo "$(date -u +%FT%TZ) ${state:-running}, restarted ${restarts:-0} times"',
    '  case "$state" in',
    "    Completed) exit 0 ;;",
    "    Failed) exit 1 ;;",
    "  esac",
    "  sleep 60",
    "done",
  )


def _create(request: Request) -> Step:
  assert request.topology is not None
  tpu, runs = Slice(request.topology), bucket.parse(request.output)
  cluster = request.cluster or request.name
  where = (f"--project={request.project}", f"--location={request.zone}")
  cluster_there = shell.command("gcloud", "container", "clusters", "describe", cluster, *where)
  make_cluster = shell.command(
    *("gcloud", "container", "clusters", "create", cluster, *where, "--release-channel=rapid"),
    *("--machine-type=e2-standard-8", "--num-nodes=1"),
    *(f"--workload-pool={request.project}.svc.id.goog", "--addons=GcsFuseCsiDriver"),
  )
  pool_there = shell.command(
    *("gcloud", "container", "node-pools", "describe", request.name),
    *(f"--cluster={cluster}", *where),
  )
  make_pool = shell.command(
    *("gcloud", "container", "node-pools", "create", request.name),
    *(f"--cluster={cluster}", *where, f"--node-locations={request.zone}"),
    *(f"--machine-type={tpu.machine_type}", f"--num-nodes={tpu.nodes}"),
    *((f"--tpu-topology={tpu.shape}",) if tpu.nodes > 1 else ()),
    *(("--spot",) if request.spot else ()),
    "--workload-metadata=GKE_METADATA",
  )
  credentials = shell.command("gcloud", "container", "clusters", "get-credentials", cluster, *where)
  made = Command("a cluster, where it is not there", shell.unless(cluster_there, make_cluster))
  return Step(
    "create",
    "bucket, image, cluster and slice"
    if not request.cluster
    else "bucket, image and slice; the cluster is there",
    (
      bucket.create(runs, project=request.project, zone=request.zone),
      *code.image(request, str(ROOT)),
      *(() if request.cluster else (made,)),
      Command("the slice, one node a host", shell.unless(pool_there, make_pool)),
      Command("kubectl is told of the cluster", credentials),
      Command(
        "JobSet's controller",
        shell.command("kubectl", "apply", "--server-side", f"--filename={CONTROLLER}"),
      ),
      bucket.allow(runs, project=request.project, account=ACCOUNT),
    ),
    (code.dockerfile(request),),
  )


def _delete(request: Request, jobset: Command) -> Step:
  cluster = request.cluster or request.name
  where = (f"--project={request.project}", f"--location={request.zone}", "--quiet")
  pool = Command(
    "deletes the slice, which ends what it costs",
    shell.command(
      *("gcloud", "container", "node-pools", "delete", request.name),
      *(f"--cluster={cluster}", *where),
    ),
  )
  whole = Command(
    "deletes the cluster",
    shell.command("gcloud", "container", "clusters", "delete", cluster, *where),
  )
  return Step(
    "delete",
    "everything but the bucket"
    if not request.cluster
    else "the job and the slice; the cluster was there before and stays",
    (jobset, pool, *(() if request.cluster else (whole,))),
  )
