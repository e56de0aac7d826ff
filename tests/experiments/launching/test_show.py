"""A plan as text, and as a folder of scripts."""

import subprocess

import pytest

from experiments.launching import show
from tests.experiments.launching import requests
from tests.experiments.launching.requests import TARGETS


@pytest.mark.parametrize("target", TARGETS)
def test_what_is_pasted_writes_the_files_that_out_writes(target, tmp_path):
  plan = requests.plan(target, tmp_path)
  (tmp_path / "pasted").mkdir()
  _, *files = show.text(plan).split("\n# the file ")
  for text in files:
    document = text.partition("\n")[2].rpartition("\nEND")[0]
    pasted = f"{document}\nEND"
    subprocess.run(["bash", "-ec", pasted], cwd=tmp_path / "pasted", check=True)
  show.write(plan, tmp_path / "written")
  names = {file.name for file in plan.files()}
  for name in names:
    assert (tmp_path / "pasted" / name).read_text() == (tmp_path / "written" / name).read_text()
  assert len(files) == len(names)
