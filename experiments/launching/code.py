"""The checkout at its commit, brought to machines that have none: as a git bundle, or in an image.

A bundle is a repository in one file, so a run there still knows which commit it is.
"""

from experiments.launching import shell
from experiments.launching.plan import Command, File
from experiments.launching.request import Request

BUNDLE = "code.bundle"
FOLDER = "codegen_jax"  # on a host


def bundle(request: Request, root: str) -> Command:
  line = shell.command("git", "-C", root, "bundle", "create", "--quiet", "-", "HEAD")
  return Command(f"this checkout at commit {request.commit}, in one file", f"{line} > {BUNDLE}")


def unpack(request: Request) -> list[str]:
  """On a machine where the bundle is."""
  return [
    shell.command("rm", "-rf", FOLDER),
    shell.command("git", "clone", "--quiet", BUNDLE, FOLDER),
    shell.command("git", "-C", FOLDER, "checkout", "--quiet", "--detach", request.commit),
  ]


def dockerfile(request: Request) -> File:
  lines = [
    "FROM python:3.11-slim",
    "RUN apt-get update && apt-get install -y --no-install-recommends git \\",
    "  && rm -rf /var/lib/apt/lists/*",
    f"COPY {BUNDLE} /{BUNDLE}",
    f"RUN git clone --quiet /{BUNDLE} /{FOLDER} \\",
    f"  && git -C /{FOLDER} checkout --quiet --detach {request.commit}",
    f"WORKDIR /{FOLDER}",
    "RUN pip install --no-cache-dir -e '.[tpu,eval]' -c requirements.lock",
  ]
  return File("Dockerfile", "\n".join(lines) + "\n")


def image(request: Request, root: str) -> tuple[Command, ...]:
  """Builds it and pushes it."""
  return (
    bundle(request, root),
    Command(
      "an image that holds the commit and the versions of requirements.lock",
      shell.command("docker", "build", "--platform=linux/amd64", f"--tag={request.image}", "."),
    ),
    Command("brought to where the pods fetch it", shell.command("docker", "push", request.image)),
  )
