"""Flags and exit codes, without starting a process."""

import pytest

from codegen_jax import distributed, main
from codegen_jax.errors import Diverged, InputError, Preempted


def leave(error: BaseException | None) -> int:
  def command():
    if error is not None:
      raise error

  with pytest.raises(SystemExit) as left:
    main.exit_with_sentences(command, "codegen-jax")
  return left.value.code


@pytest.mark.parametrize(
  ("error", "code"),
  [
    (None, 0),
    (InputError("no such corpus"), 2),
    (Diverged("at step 3 the loss is nan"), 3),
    (Preempted(40), 75),
    (KeyboardInterrupt(), 130),
  ],
)
def test_every_ending_has_its_exit_code_and_one_sentence(error, code, capsys):
  assert leave(error) == code
  said = capsys.readouterr().err
  assert len(said.splitlines()) == (error is not None)
  assert str(error.args[0] if error and error.args else "") in said


def test_a_bug_keeps_its_traceback():
  with pytest.raises(ZeroDivisionError):
    main.exit_with_sentences(lambda: 1 / 0, "codegen-jax")


def test_train_without_a_gin_file_says_so(monkeypatch):
  monkeypatch.setattr(distributed, "initialize", lambda *_: None)
  with pytest.raises(InputError, match="train needs a --gin_file"):
    main.main(["train", "--workdir=nowhere"])


def test_an_unknown_flag_is_refused(capsys):
  with pytest.raises(SystemExit) as left:
    main.main(["train", "--workdir=x", "--gin_file=y", "--worker=3"])
  assert left.value.code == 2
  assert "--worker" in capsys.readouterr().err


@pytest.mark.parametrize("command", main.COMMANDS)
def test_help_shows_the_gin_flags(command, capsys):
  with pytest.raises(SystemExit) as left:
    main.main([command, "--help"])
  assert left.value.code == 0
  assert "--gin.NAME=VALUE" in capsys.readouterr().out


def test_one_process_of_none_or_several_without_an_address_is_refused():
  with pytest.raises(InputError, match="process_id is 2 of 2"):
    distributed.initialize("localhost:1", num_processes=2, process_id=2)
  with pytest.raises(InputError, match="coordinator"):
    distributed.initialize(None, num_processes=2, process_id=0)
