"""A sandbox that is broken says so before it runs anything."""

import pytest

from codegen_jax.sandbox import link, self_test
from codegen_jax.sandbox.pool import HarnessError, Program, Sandbox
from tests.sandbox.conftest import LIMITS


@pytest.mark.parametrize("outcome", ["passed", "failed", "timeout"])
def test_a_harness_that_says_the_same_of_all_programs_is_caught(monkeypatch, outcome):
  with Sandbox(limits=LIMITS, workers=1) as sandbox:
    worker = sandbox._links[0]
    monkeypatch.setattr(
      worker, "take", lambda seconds, take=worker.take: {**take(seconds), "outcome": outcome}
    )
    with pytest.raises(HarnessError, match="the sandbox calls"):
      sandbox.run([Program("x = 1")])
    assert sandbox.run([Program("x = 1")])[0].passed  # on a new worker, of which nothing is known


def escapes_found(monkeypatch, change) -> str:
  """What the probes say in a worker whose code has been changed."""
  monkeypatch.setattr(link, "_START", link._START.replace("worker.main()", f"{change}; worker.main()"))  # fmt: skip  # noqa: E501
  with pytest.raises(HarnessError, match="does not keep programs in") as error, Sandbox(workers=1):
    pass
  return str(error.value)


IMPORTS = "from codegen_jax.sandbox import child, linux, namespaces, worker"


@pytest.mark.parametrize(
  "change, found",
  [
    ("linux.filter_calls = lambda program: None", "call what is to be refused"),
    ("namespaces.Namespaces.become_program = lambda self: None", "be root"),
    ("linux.CLONE_NEWNET = 0; linux.filter_calls = lambda program: None", "connect"),
    ("namespaces._FILES += ('/tmp',)", "secret"),
    ("import os; os.environ['A'] = '1'", "see the environment"),
  ],
)
def test_a_hole_is_found_before_a_program_runs(monkeypatch, change, found):
  assert found in escapes_found(monkeypatch, f"{IMPORTS}; {change}")


def test_the_bait_is_gone_afterwards():
  with Sandbox(limits=LIMITS, workers=1) as sandbox:
    folder = sandbox._bait._folder
    assert (folder / "secret").exists()
  assert not folder.exists()


def test_the_bait_can_be_taken_where_nothing_protects_it(tmp_path):
  # The program of the probes itself, run here: it must find what there is to find.
  with self_test.bait() as bait:
    names = {"folder": str(bait._folder), "port": bait._port, "pid": 1}
    source = self_test._ESCAPES.format(**names, environment=[], seccomp=True)
    source = source.replace('"/usr", os.path.dirname(os.__file__)', "")
    source = source.replace(', "/"', "")
    names = {}
    exec(source, names)
  found = " ".join(names["found"])
  for what in ("write to", "secret", "connect", "see processes", "environment", "refused"):
    assert what in found, found
