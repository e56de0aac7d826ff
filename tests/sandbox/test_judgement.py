"""From what was seen of a program and what it said to an outcome."""

import dataclasses

import pytest

from codegen_jax.sandbox import worker
from tests.sandbox.conftest import LIMITS

NONCE = b"0" * 32
PASSED = NONCE + b'["passed", "", "1"]'


@pytest.mark.parametrize(
  "expected, seen",
  [
    ("passed", {}),
    ("passed", {"cpu": 0.49}),
    # It came to its end between two looks, but too late.
    ("timeout", {"cpu": 0.5}),
    ("timeout", {"stopped": "cpu"}),
    ("timeout", {"stopped": "wall"}),
    ("memory", {"stopped": "memory"}),
    ("timeout", {"code": -9, "said": b"", "cpu": 0.6}),
    ("crashed", {"code": -9, "said": b""}),
    ("crashed", {"code": -64, "said": b""}),
    ("crashed", {"said": b""}),
    ("crashed", {"said": PASSED[1:]}),
    ("crashed", {"said": b"1" * 32 + PASSED[32:]}),
    ("crashed", {"said": PASSED[:-1]}),
    ("crashed", {"said": NONCE + b"1"}),
    ("crashed", {"said": NONCE + b"\xff"}),
    ("failed", {"said": NONCE + b'["failed", "ValueError", null]'}),
  ],
)
def test_an_outcome(expected, seen):
  seen = {"stopped": "", "said": PASSED, "code": 0, "cpu": 0.1} | seen
  outcome, detail, value = worker._judge(
    seen["stopped"], seen["said"], NONCE, seen["code"], seen["cpu"], dataclasses.asdict(LIMITS)
  )
  assert outcome == expected
  assert (value == "1") == (outcome == "passed") and bool(detail) == (outcome != "passed")
