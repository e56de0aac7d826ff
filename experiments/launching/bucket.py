"""The bucket that runs are written to, and how hosts see it as a folder.

`experiments.run --runs` is a path, so a bucket is mounted by Cloud Storage FUSE.  Checkpoints get
their names by renaming a folder, which is one operation in a bucket with a hierarchical namespace
alone; and no host may remember for a while what another has written since.
"""

import dataclasses
import re

from codegen_jax.errors import InputError
from experiments.launching import shell
from experiments.launching.plan import Command

FRESH = ("implicit-dirs", "metadata-cache:ttl-secs:0", "metadata-cache:negative-ttl-secs:0")
_BUCKET = re.compile(r"gs://([a-z0-9][a-z0-9._-]{1,61}[a-z0-9])(?:/(.*))?")


@dataclasses.dataclass(frozen=True)
class Bucket:
  """gs://name/folder."""

  name: str
  folder: str

  @property
  def url(self) -> str:
    return f"gs://{self.name}"

  def runs(self, mounted: str) -> str:
    """The folder of all runs where the bucket is mounted."""
    return f"{mounted}/{self.folder}".rstrip("/")


def parse(output: str) -> Bucket:
  match = _BUCKET.fullmatch(output)
  if match is None:
    raise InputError(
      f"--output is {output!r}; hosts of a pod share a bucket: write gs://BUCKET/FOLDER"
    )
  return Bucket(match[1], (match[2] or "").strip("/"))


def create(bucket: Bucket, *, project: str, zone: str) -> Command:
  """Makes it where it is not there."""
  there = shell.command("gcloud", "storage", "buckets", "describe", bucket.url)
  made = shell.command(
    *("gcloud", "storage", "buckets", "create", bucket.url, f"--project={project}"),
    f"--location={region(zone)}",
    *("--uniform-bucket-level-access", "--enable-hierarchical-namespace"),
  )
  return Command(
    "the bucket of all runs, which stays when the rest is deleted", shell.unless(there, made)
  )


def allow(bucket: Bucket, *, project: str, account: str) -> Command:
  """Lets a service account of Kubernetes write there."""
  number = f'"$(gcloud projects describe {shell.command(project)} --format="value(projectNumber)")"'
  pool = shell.command(
    f"/locations/global/workloadIdentityPools/{project}.svc.id.goog/subject/ns/default/sa/{account}"
  )
  return Command(
    "pods may read and write it",
    f"gcloud storage buckets add-iam-policy-binding {bucket.url} \\\n"
    "  --role=roles/storage.objectUser \\\n"
    f"  --member=principal://iam.googleapis.com/projects/{number}{pool}",
  )


def region(zone: str) -> str:
  """us-central2 of us-central2-b."""
  return zone.rpartition("-")[0]
