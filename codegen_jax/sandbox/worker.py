"""A long-lived process that forks for each program; it reads jobs and writes what came of them.

It is started as `python -c "...worker.main()"` with nothing but the standard library, has one
thread, and so may fork, which its parent, full of other threads, may not.
"""

import _signal
import gc
import importlib
import os
import sys
import time
from typing import Any

from codegen_jax.sandbox import child, limits, messages, namespaces, seccomp, watch
from codegen_jax.sandbox.place import Place

_NAMES = {
  getattr(_signal, name): name for name in dir(_signal) if name[:3] == "SIG" and name[3] != "_"
}

# What small programs import first; it is then there when they do.
COMMON = "bisect collections copy functools heapq itertools math operator random re string typing"


def main() -> None:
  settings = messages.receive(0)
  os.umask(0o022)  # first: nobody must find a way through the folders that are made next
  try:
    place = _enter(settings)
  except (OSError, KeyError, AttributeError) as error:
    messages.send(1, {"unavailable": str(error)})
    return
  sys.path[:] = [*settings["packages"], *(p for p in sys.path if p != settings["root"])]
  limits.limit_worker()
  os.environ["HOME"] = os.environ["TMPDIR"] = place.home()
  try:
    for name in (*COMMON.split(), *settings["preload"]):
      importlib.import_module(name)
    filtered = seccomp.install()
  except Exception as error:
    messages.send(1, {"broken": f"{name}: {error}"})
    return
  for name in [name for name in sys.modules if name.partition(".")[0] == "codegen_jax"]:
    del sys.modules[name]  # not for programs to find
  # The first compilation makes what all others need; a child would make it, and take it with it.
  exec(compile("def f(x: int = 1) -> int:\n  return [x for x in (x,)][0]\nf()", "", "exec"), {})
  gc.collect()
  gc.freeze()  # else a child's collector would write to, and so copy, all that it inherits
  messages.send(1, {"seccomp": filtered})
  try:
    while True:
      messages.send(1, _run(messages.receive(0), place))
  except (messages.Gone, watch.ParentGone):
    place.end()
    place.leave()
    os._exit(0)  # at once: there is nothing to tidy up in this process


def _enter(settings: dict[str, Any]) -> Place:
  if settings["level"] == "rlimits":
    from codegen_jax.sandbox import weak  # imports much

    return weak.Weak()
  if sys.platform != "linux":
    raise OSError("only Linux has namespaces")
  return namespaces.enter([*settings["visible"], *settings["packages"]], settings["disk"])


def _run(job: dict[str, Any], place: Place) -> dict[str, Any]:
  most = job["limits"]
  home, allowed = place.home(), limits.of_program(most)
  nonce = os.urandom(16).hex().encode()
  verdict_from, verdict_to = os.pipe()
  nonce_from, nonce_to = os.pipe()
  os.write(nonce_to, nonce)
  os.close(nonce_to)
  output_from, output_to = os.pipe() if most["output"] else (-1, -1)
  begun = time.monotonic()
  pid = os.fork()
  if pid == 0:
    try:
      _become(place, allowed, home, output_to, (verdict_to, nonce_from))
      child.run(job, 3, 4)
    finally:
      os._exit(70)
  for end in (verdict_to, nonce_from, output_to):
    if end >= 0:
      os.close(end)
  verdict = watch.Pipe(verdict_from, 7 * most["value"] + 8192)
  output = watch.Pipe(output_from, most["output"]) if most["output"] else None
  try:
    stopped = watch.watch(pid, place, most, verdict, output)
    wall = time.monotonic() - begun
    ended = place.end()
    said = verdict.rest()
    printed = output.rest() if output else b""
  finally:
    os.close(verdict_from)
    if output:
      os.close(output_from)
  code = next(one.code for one in ended if one.pid == pid)
  cpu = sum(one.cpu_seconds for one in ended)
  outcome, detail, value = _judge(stopped, said, nonce, code, cpu, most)
  return {
    "outcome": outcome,
    "detail": detail,
    "value": value,
    "cpu_seconds": cpu,
    "wall_seconds": wall,
    "output": printed.decode(errors="replace"),
    "stopped": stopped,
    "orphans": len(ended) - 1,
    "killed": code == -_signal.SIGKILL and not stopped,
  }


def _become(place: Place, allowed: list, home: str, output: int, pipes: tuple[int, int]) -> None:
  """From a copy of the worker to a process that may do little: in this order, or it could not."""
  os.setsid()
  nowhere = os.open("/dev/null", os.O_RDWR)
  kept = [os.dup(pipe) for pipe in pipes]  # out of the way of the places that they go to
  os.dup2(nowhere, 0)
  os.dup2(output if output >= 0 else nowhere, 1)
  os.dup2(output if output >= 0 else nowhere, 2)
  for to, pipe in enumerate(kept, start=3):
    os.dup2(pipe, to, inheritable=False)
  os.closerange(5, 256)
  os.chdir(home)
  # Not through the module `signal`, whose enums cost a fork dearly.
  _signal.signal(_signal.SIGINT, _signal.default_int_handler)
  place.become_program()
  limits.limit_program(allowed)


def _judge(stopped: str, said: bytes, nonce: bytes, code: int, cpu: float, most):
  """Outcome, detail and value, from what was seen of a program and from what it said."""
  if stopped == "memory":
    return "memory", f"its processes held more than {most['memory']} bytes", None
  if stopped == "wall":
    return "timeout", f"not at its end after {most['wall_seconds']:g} s", None
  if stopped == "cpu" or cpu >= most["cpu_seconds"]:
    return "timeout", f"used {cpu:.2f} of {most['cpu_seconds']:g} CPU seconds", None
  if said.startswith(nonce):
    try:
      outcome, detail, value = messages.decode(said[len(nonce) :])
      if value is not None:
        messages.decode(value)
      return str(outcome), str(detail), value
    except (ValueError, TypeError, RecursionError):
      return "crashed", "its verdict cannot be read", None
  if code < 0:
    return "crashed", f"ended by {_NAMES.get(-code, f'signal {-code}')}", None
  return "crashed", f"left with exit code {code} before its end", None
