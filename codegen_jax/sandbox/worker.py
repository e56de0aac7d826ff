"""A long-lived process that forks for each program; it reads jobs and writes what came of them.

It is started as `python -c "...worker.main()"` with nothing but the standard library, has one
thread, and so may fork, which its parent, full of other threads, may not.
"""

import gc
import importlib
import os
import secrets
import signal
import sys
import time
from typing import Any

from codegen_jax.sandbox import child, linux, messages, namespaces, seccomp, watch, weak

Place = namespaces.Namespaces | weak.Weak

# What small programs import first; it is then there when they do.
COMMON = "bisect collections copy datetime decimal fractions functools hashlib heapq itertools math"
COMMON += " numbers operator random re statistics string typing"


def main() -> None:
  settings = messages.receive(0)
  sys.path[:] = [*settings["packages"], *(p for p in sys.path if p != settings["root"])]
  try:
    place = _enter(settings)
    filtered = _filter()
  except (OSError, KeyError, AttributeError) as error:
    messages.send(1, {"unavailable": str(error)})
    return
  try:
    for name in (*COMMON.split(), *settings["preload"]):
      importlib.import_module(name)
  except Exception as error:
    messages.send(1, {"broken": f"{name} cannot be imported: {error}"})
    return
  for name in [name for name in sys.modules if name.partition(".")[0] == "codegen_jax"]:
    del sys.modules[name]  # not for programs to find
  # The first compilation makes what all others need; a child would make it, and take it with it.
  exec(compile("def f(x: int = 1) -> int:\n  return [x for x in (x,)][0]\nf()", "", "exec"), {})
  gc.collect()
  gc.freeze()  # else a child's collector would write to, and so copy, all that it inherits
  messages.send(1, {"seccomp": filtered is not None})
  try:
    while True:
      messages.send(1, _run(messages.receive(0), place, filtered))
  except (messages.Gone, watch.ParentGone):
    place.end()
  finally:
    if isinstance(place, weak.Weak):
      place.leave()


def _enter(settings: dict[str, Any]) -> Place:
  if settings["level"] == weak.Weak.level:
    return weak.Weak()
  if sys.platform != "linux":
    raise OSError("only Linux has namespaces")
  return namespaces.enter([*settings["visible"], *settings["packages"]], settings["disk"])


def _filter() -> linux.Filter | None:
  if sys.platform == "linux":
    linux.no_new_privileges()
  if not seccomp.supported():
    return None
  return linux.call_filter(seccomp.program(os.uname().machine))


def _run(job: dict[str, Any], place: Place, filtered: linux.Filter | None) -> dict[str, Any]:
  limits = job["limits"]
  home = place.home()
  nonce = secrets.token_hex(16).encode()
  verdict_from, verdict_to = os.pipe()
  nonce_from, nonce_to = os.pipe()
  os.write(nonce_to, nonce)
  os.close(nonce_to)
  output_from, output_to = os.pipe() if limits["output"] else (-1, -1)
  begun = time.monotonic()
  pid = os.fork()
  if pid == 0:
    try:
      _become(place, limits, home, filtered, output_to, (verdict_to, nonce_from))
      child.run(job, 3, 4)
    finally:
      os._exit(70)
  for end in (verdict_to, nonce_from, output_to):
    if end >= 0:
      os.close(end)
  verdict = watch.Pipe(verdict_from, 7 * limits["value"] + 8192)
  output = watch.Pipe(output_from, limits["output"]) if limits["output"] else None
  try:
    stopped = watch.watch(pid, place, limits, verdict, output)
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
  outcome, detail, value = _judge(stopped, said, nonce, code, cpu, limits)
  return {
    "outcome": outcome,
    "detail": detail,
    "value": value,
    "cpu_seconds": cpu,
    "wall_seconds": wall,
    "output": printed.decode(errors="replace"),
    "stopped": stopped,
    "orphans": len(ended) - 1,
    "killed": code == -signal.SIGKILL and not stopped,
  }


def _become(
  place: Place, limits, home: str, filtered: linux.Filter | None, output: int, pipes
) -> None:
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
  os.environ["HOME"] = os.environ["TMPDIR"] = home
  os.umask(0o022)
  signal.signal(signal.SIGINT, signal.default_int_handler)
  place.become_program()
  child.limit(limits)
  if filtered is not None:
    linux.filter_calls(filtered)


def _judge(stopped: str, said: bytes, nonce: bytes, code: int, cpu: float, limits):
  """Outcome, detail and value, from what was seen of a program and from what it said."""
  if stopped == "memory":
    return "memory", f"its processes held more than {limits['memory']} bytes", None
  if stopped == "wall":
    return "timeout", f"not at its end after {limits['wall_seconds']:g} s", None
  if stopped == "cpu" or cpu >= limits["cpu_seconds"]:
    return "timeout", f"used {cpu:.2f} of {limits['cpu_seconds']:g} CPU seconds", None
  if said.startswith(nonce):
    try:
      outcome, detail, value = messages.decode(said[len(nonce) :])
      return str(outcome), str(detail), value
    except (ValueError, TypeError):
      return "crashed", "its verdict cannot be read", None
  if code < 0:
    return "crashed", f"ended by {signal.Signals(-code).name}", None
  return "crashed", f"left with exit code {code} before its end", None
