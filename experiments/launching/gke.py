"""What both ways to run on GKE share: the bucket in a pod, and what a pod does."""

import shlex

from experiments.launching.request import Request

MOUNTED = "/runs"
GRACE = 600  # seconds from SIGTERM to SIGKILL, in which a step ends and is saved


def pod(request: Request, runs: str) -> str:
  """The one line that a pod runs: the preflight, and then the runs in its place.

  Without exec a shell would stand between Kubernetes and the run, and keep SIGTERM to itself.
  """
  preflight = shlex.join(request.preflight(runs))
  return f"{preflight} && exec {shlex.join(request.training(runs))}"
