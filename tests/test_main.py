"""Flags and exit codes, without starting a process."""

import errno
import re

import pytest

from codegen_jax import config as gin_config
from codegen_jax import distributed, main
from codegen_jax.errors import Diverged, InputError, Preempted
from codegen_jax.run_config import RunConfig


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
    (Diverged("at step 3 the loss is nan", 3), 3),
    (OSError(errno.ENOSPC, "No space left on device", "/runs/metrics.jsonl"), 2),
    (Preempted(40), 75),
    (KeyboardInterrupt(), 130),
  ],
)
def test_every_ending_has_its_exit_code_and_one_sentence(error, code, capsys):
  assert leave(error) == code
  said = capsys.readouterr().err
  assert len(said.splitlines()) == (error is not None)
  told = error.strerror if isinstance(error, OSError) else error and error.args and error.args[0]
  assert str(told or "") in said


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


@pytest.mark.parametrize("command", ["train", "evaluate", "sample"])
def test_help_shows_the_gin_flags(command, capsys):
  with pytest.raises(SystemExit) as left:
    main.main([command, "--help"])
  assert left.value.code == 0
  assert "--gin.NAME=VALUE" in capsys.readouterr().out


@pytest.mark.parametrize(
  ("flags", "said"),
  [
    ("--process_id=1", "--process_id needs --num_processes"),
    ("--coordinator=localhost:1", "--coordinator needs --num_processes"),
    ("--num_processes=0", "num_processes is 0; it must be at least 1"),
    ("--num_processes=0 --process_id=0", "num_processes is 0; it must be at least 1"),
    ("--num_processes=2 --coordinator=localhost:1", "need --process_id, which .* from 0 to 1"),
    ("--num_processes=2 --process_id=2 --coordinator=localhost:1", "process_id is 2 of 2"),
    ("--num_processes=2 --process_id=-1 --coordinator=localhost:1", "process_id is -1 of 2"),
    ("--num_processes=1 --process_id=1", "process_id is 1 of 1"),
    ("--num_processes=2 --process_id=0", "need --coordinator=HOST:PORT of process 0"),
    ("--num_processes=2 --process_id=0 --coordinator=host", "'host'; it must be HOST:PORT"),
    ("--num_processes=2 --process_id=0 --coordinator=host:", "'host:'; it must be HOST:PORT"),
    ("--num_processes=2 --process_id=0 --coordinator=:80", "':80'; it must be HOST:PORT"),
    ("--num_processes=2 --process_id=0 --coordinator=h:70000", "'h:70000'; it must be HOST:PORT"),
  ],
)
def test_flags_that_name_no_process_are_a_sentence(flags, said, monkeypatch, capsys):
  monkeypatch.setattr(distributed.jax.distributed, "is_initialized", lambda: False)
  monkeypatch.setattr(distributed.jax.distributed, "initialize", None)
  command = ["train", "--workdir=nowhere", "--gin_file=nothing.gin", *flags.split()]
  with pytest.raises(SystemExit) as left:
    main.exit_with_sentences(lambda: main.main(command), "codegen-jax")
  assert left.value.code == 2
  (sentence,) = capsys.readouterr().err.splitlines()
  assert re.search(said, sentence)


def test_processes_are_waited_for_by_name_and_for_long(monkeypatch, capsys):
  calls = []
  monkeypatch.setattr(distributed.jax.distributed, "is_initialized", lambda: False)
  monkeypatch.setattr(
    distributed.jax.distributed, "initialize", lambda *args, **kwargs: calls.append((args, kwargs))
  )
  distributed.initialize("10.0.0.1:8476", 4, 2)
  assert calls == [
    (("10.0.0.1:8476", 4, 2), {"initialization_timeout": 1800, "heartbeat_timeout_seconds": 30})
  ]
  assert capsys.readouterr().out == "waiting for 4 processes at 10.0.0.1:8476\n"


@pytest.mark.parametrize(
  ("name", "value", "said"),
  [
    ("JOB_COMPLETION_INDEX", "0", "pod of an indexed Kubernetes job.* install jax"),
    ("JAX_COORDINATOR_ADDRESS", "10.0.0.1:8476", "JAX_COORDINATOR_ADDRESS is set, and nothing"),
  ],
)
def test_a_machine_that_says_half_of_where_to_join_is_a_sentence(name, value, said, monkeypatch):
  monkeypatch.setenv(name, value)
  # As in a process of its own, whatever tests before this one asked of JAX.
  monkeypatch.setattr("jax._src.xla_bridge.backends_are_initialized", lambda: False)
  monkeypatch.setattr(distributed.jax.distributed, "is_initialized", lambda: False)
  with pytest.raises(InputError, match=said):
    distributed.initialize()


def test_a_range_to_skip_is_a_binding():
  parse = main._parser().parse_args
  flags = parse(["train", "--workdir=x", "--skip_steps=3:5", "--skip_steps=7:7"])
  files = ["tests/gin/toy.gin"]
  loaded = gin_config.load(RunConfig, files, main._skip_steps(flags)).config
  assert loaded.train.skip_steps == ((3, 5), (7, 7))
  assert main._skip_steps(parse(["train", "--workdir=x"])) == []


@pytest.mark.parametrize("text", ["5", "5-7", "a:b", ":7", "-1:7"])
def test_a_range_that_is_none_is_a_sentence(text):
  flags = main._parser().parse_args(["train", "--workdir=x", f"--skip_steps={text}"])
  with pytest.raises(InputError, match="write the first and the last step, as 1200:1250"):
    main._skip_steps(flags)
