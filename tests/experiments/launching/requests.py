"""Launches that tests ask for, and programs that stand in for those of a cloud."""

from collections.abc import Mapping
import json
import os
import pathlib
import stat
import subprocess
import sys

from codegen_jax.plan import topology
from experiments import launch
from experiments.launching.plan import Plan
from experiments.launching.request import Request

TARGETS = [*launch.TARGETS]
HARD = """it's "two" $HOME `words` \\ #; *"""  # whatever a shell would read otherwise
PROGRAMS = ("xpk", "gcloud", "kubectl", "docker", "sbatch", "squeue", "sacct", "scancel")

# Writes down its words; fails when its first ones are in FAIL, with that code.
RECORDER = f"""#!{sys.executable}
import json, os, pathlib, sys
words = [pathlib.Path(sys.argv[0]).name, *sys.argv[1:]]
with open(os.environ["RECORD"], "a") as record:
  record.write(json.dumps(words) + "\\n")
told = json.loads(os.environ.get("FAIL", "{{}}"))
for start, code in told.items():
  if " ".join(words).startswith(start):
    sys.exit(code)
"""


def request(folder: pathlib.Path, **other) -> Request:
  """With HARD wherever a user may write what he likes."""
  told = {
    "experiment": "lesson1_prefix_lm",
    "scale": "demo",
    "name": "a-name",
    "output": "gs://my-bucket/all runs",
    "flags": (f"--gin_bindings=HARD = {HARD}",),
    "environment": {"HARD": HARD},
    "topology": topology.parse("v4-256"),
    "project": "my-project",
    "zone": "us-central2-b",
    "image": "registry/image:1",
    "devices": 128,
    "processes": 2,
  }
  return Request(**told | other)


def plan(target: str, folder: pathlib.Path, **other) -> Plan:
  here = {"output": str(folder / "all runs")} if target in launch.HERE else {}
  return launch.TARGETS[target](request(folder, **here | other))


def add_program(folder: pathlib.Path, name: str, text: str) -> None:
  folder.mkdir(exist_ok=True)
  file = folder / name
  file.write_text(text)
  file.chmod(file.stat().st_mode | stat.S_IXUSR)


def recorders(folder: pathlib.Path, fail: Mapping[str, int] | None = None) -> dict[str, str]:
  """Variables under which every program of a cloud is one that writes down its words."""
  for name in PROGRAMS:
    add_program(folder / "bin", name, RECORDER)
  return os.environ | {
    "PATH": f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}",
    "RECORD": str(folder / "record.jsonl"),
    "FAIL": json.dumps(fail or {}),
  }


def recorded(folder: pathlib.Path) -> list[list[str]]:
  file = folder / "record.jsonl"
  return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def bash(script: pathlib.Path, variables: Mapping[str, str]) -> subprocess.CompletedProcess:
  return subprocess.run(
    ["bash", str(script)], env=dict(variables), capture_output=True, text=True, timeout=60
  )
