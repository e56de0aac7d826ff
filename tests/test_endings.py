"""What a process says of the end of another one; tests/test_distributed.py has real processes."""

import sys

import jax
import pytest

from codegen_jax import endings

CLOSED = jax.errors.JaxRuntimeError("UNKNOWN: Gloo all-reduce failed: Connection closed by peer")


@pytest.fixture
def ended(monkeypatch) -> list:
  """What was told the others."""
  noted: list = []
  monkeypatch.setattr(endings, "LOOK", 0.0)
  monkeypatch.setattr(endings, "_tell", lambda *told: noted.append(told))
  monkeypatch.setattr(endings, "_go", sys.exit)
  return noted


def end(error: BaseException) -> int:
  with pytest.raises(SystemExit) as code:
    endings._end_all(type(error), error, None)
  return code.value.code


def test_the_first_to_lose_another_says_so_itself(ended, monkeypatch, capsys):
  monkeypatch.setattr(endings, "_told", lambda: None)
  assert end(CLOSED) == 75
  told = "another process was lost; start again to continue (JaxRuntimeError: UNKNOWN: Gloo"
  assert told in capsys.readouterr().err
  ((code, sentence),) = ended
  assert code == 75 and sentence.startswith(told)


def test_where_the_other_told_its_reason_that_is_what_is_said(ended, monkeypatch, capsys):
  monkeypatch.setattr(endings, "_told", lambda: (2, 1, "the data are other ones"))
  assert end(CLOSED) == 2
  told = capsys.readouterr().err
  assert "process 1 has ended the run: the data are other ones" in told
  assert "was lost" not in told
  assert not ended


def test_an_error_of_its_own_is_no_loss(ended, monkeypatch, capsys):
  monkeypatch.setattr(endings, "_told", lambda: None)
  assert end(ZeroDivisionError("division by zero")) == 1
  assert "was lost" not in capsys.readouterr().err
  assert ended == [(1, "ZeroDivisionError: division by zero")]
