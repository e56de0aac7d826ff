"""The processes of a run end together, and all say why.

Left to themselves, the others wait for one that is gone: minutes on a TPU, which has no connection
to lose, and then they die without its reason.
"""

import atexit
import contextlib
import os
import sys
import threading
import time
import traceback
from typing import Any, NoReturn

import jax
from jax._src import distributed as jax_distributed

KEY = "codegen_jax/ended"
KNOWS = "codegen_jax/knows"
LOOK = 0.25  # seconds between two looks
PATIENCE = 3.0  # seconds that process 0 waits for the others to have looked
LOST = 75  # as for preempted: start again

# How JAX says that another process is gone; by itself that is no bug of this one.
GONE = ("closed by peer", "reset by peer", "Connection refused", "heartbeat", "UNAVAILABLE")


def watch() -> None:
  """From now on this process ends when another one says that it has, and on any error at once."""
  sys.excepthook = _end_all
  over = threading.Event()
  looking = threading.Thread(target=_look, args=[over], name="endings", daemon=True)
  looking.start()
  atexit.register(_take_leave, over, looking)


def leave(code: int, sentence: str) -> NoReturn:
  """Tells the others, and ends at once: a polite end would wait for them, for five minutes."""
  told = _told()
  if told is None:
    _tell(code, sentence)
  else:
    code = _say(told)
  _go(code)


def _take_leave(over: threading.Event, looking: threading.Thread) -> None:
  """Waits for the others, still watching them, and stops before Python does.

  A thread that comes back from C++ after that is killed within it, which aborts the process.
  """
  try:
    jax.distributed.shutdown()
  finally:  # also where one of the others is lost
    over.set()
    looking.join()


def _end_all(kind: type[BaseException], error: BaseException, trace: Any) -> None:
  traceback.print_exception(kind, error, trace)
  sentence = f"{kind.__name__}: {str(error).splitlines()[0] if str(error) else ''}"
  if isinstance(error, jax.errors.JaxRuntimeError) and any(sign in str(error) for sign in GONE):
    time.sleep(4 * LOOK)  # its reason may be on its way
    lost = f"another process was lost; start again to continue ({sentence})"
    if _told() is None:
      print(f"codegen-jax: {lost}", file=sys.stderr, flush=True)
    leave(LOST, lost)
  leave(1, sentence)


def _look(over: threading.Event) -> None:
  while not over.wait(LOOK):
    told = _told()
    if told is not None:
      _go(_say(told))


def _go(code: int) -> NoReturn:
  sys.stdout.flush()
  sys.stderr.flush()
  with contextlib.suppress(jax.errors.JaxRuntimeError):
    _client().key_value_set(f"{KNOWS}/{jax.process_index()}", "")
  if jax.process_index() == 0:
    _wait_until_all_know()
  os._exit(code)


def _wait_until_all_know() -> None:
  """Process 0 holds what the others look at, and they are aborted without a word when it goes."""
  others = set(range(1, jax.process_count()))
  until = time.monotonic() + PATIENCE
  while others and time.monotonic() < until:
    time.sleep(LOOK / 5)
    others = {process for process in others if _read(f"{KNOWS}/{process}") is None}
  time.sleep(2 * LOOK)  # they know, and are about to go


def _client() -> Any:
  return jax_distributed.global_state.client


def _told() -> tuple[int, int, str] | None:
  """Which process has ended, with which code and why; None while all go on."""
  told = _read(KEY)
  if told is None:
    return None
  code, process, sentence = told.split("\n", 2)
  return int(code), int(process), sentence


def _read(key: str) -> str | None:
  client = _client()
  if client is None:  # the run is over and has taken its leave
    return None
  try:
    return client.key_value_try_get(key)
  except jax.errors.JaxRuntimeError:
    return None


def _tell(code: int, sentence: str) -> None:
  # Another may have been first, or nobody is left to be told.
  with contextlib.suppress(jax.errors.JaxRuntimeError):
    _client().key_value_set(KEY, f"{code}\n{jax.process_index()}\n{sentence}")


def _say(told: tuple[int, int, str]) -> int:
  code, process, sentence = told
  if process != jax.process_index():
    print(f"process {process} has ended the run: {sentence}", file=sys.stderr, flush=True)
  return code
