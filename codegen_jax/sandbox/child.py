"""The life of the one process in which a program runs, from its fork to its verdict.

A program is not believed when it says that it has passed.  The verdict must carry a nonce, which
lies in a pipe and is read after the program's last line; before that no frame, no list and no
object holds it.  What is called then was bound before the program ran.  So a program that ends
its process, walks frames or patches modules has not passed.  A program that is written against
these lines, in the same interpreter, can still read the pipe: this catches cheats that a model
may stumble upon, not an adversary.
"""

import builtins
from json.encoder import c_make_encoder, encode_basestring_ascii  # type: ignore[attr-defined]
import os
import sys
from typing import Any, NoReturn

NAME = "<program>"  # of the program's file, in its tracebacks


def run(job: dict[str, Any], verdict: int, nonce: int) -> NoReturn:
  """Runs a program and writes the nonce with its verdict, as JSON, to a pipe."""
  write, read, leave, whoami = os.write, os.read, os._exit, os.getpid
  everything, out_of_memory, text_of, is_a = BaseException, MemoryError, str, isinstance
  length, joined, execute = len, "".join, exec
  # The methods of json.JSONEncoder could be patched; what they make of themselves cannot.
  encode = c_make_encoder(
    None, _refuse, encode_basestring_ascii, None, ": ", ", ", False, False, True
  )
  most, me = job["limits"]["value"], whoami()
  flushes = [sys.stdout.flush, sys.stderr.flush] if job["limits"]["output"] else []

  outcome, detail, value = "harness", "", None
  # A copy: what the program does to its builtins is not done to ours.
  around: dict[str, Any] = {"__builtins__": {**vars(builtins)}}
  try:
    after = compile(job["postlude"], "<postlude>", "exec", dont_inherit=True)
    exec(compile(job["prelude"], "<prelude>", "exec", dont_inherit=True), around)
    names = {"__builtins__": builtins, **around.get("shared", {})}
  except everything as error:
    detail = f"{type(error).__name__}: {error}"
  else:
    try:
      exec(compile(job["source"], NAME, "exec", dont_inherit=True), names)
      around["program"] = names
      execute(after, around)
      value = joined(encode(around.get("value"), 0))
      if length(value) > most:
        outcome, detail, value = "failed", f"the value has more than {most} bytes", None
      else:
        outcome = "passed"
    except everything as error:
      outcome = "memory" if is_a(error, out_of_memory) else "failed"
      try:
        detail = _describe(error)
      except everything:
        detail = "an error that cannot be shown"
  try:
    for flush in flushes:
      flush()
  except everything:
    pass
  try:
    if whoami() == me:  # a fork of the program's comes here too
      said = joined(encode([outcome, text_of(detail), value], 0))
      message = read(nonce, 64) + said.encode()
      while message:
        message = message[write(verdict, message) :]
  finally:
    leave(0)


def _refuse(value: object) -> None:
  raise TypeError(f"a value of type {type(value).__name__} cannot be JSON")


def _describe(error: BaseException) -> str:
  """AssertionError: so (line 3)."""
  text = f"{type(error).__name__}: {error}".rstrip(": ")[:500]
  line, step = None, error.__traceback__
  while step is not None:
    if step.tb_frame.f_code.co_filename == NAME:
      line = step.tb_lineno
    step = step.tb_next
  return text if line is None else f"{text} (line {line})"
