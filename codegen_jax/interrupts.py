"""Ctrl-C where it can do no harm."""

from collections.abc import Iterator
import contextlib
import dataclasses
import signal
import threading


@dataclasses.dataclass
class Interrupt:
  """Whether Ctrl-C was pressed; ask where stopping is easy."""

  pressed: bool = False


@contextlib.contextmanager
def held_back() -> Iterator[Interrupt]:
  """The first Ctrl-C inside raises KeyboardInterrupt at the end of the block, the second at once.

  Python raises it wherever it happens to be: in a save, which then goes on in a thread that nobody
  waits for, or in a callback that drops the exception, so that nothing stops at all.
  """
  held = Interrupt()
  if threading.current_thread() is not threading.main_thread():  # signals arrive in the main one
    yield held
    return

  def note(*_) -> None:
    if held.pressed:
      raise KeyboardInterrupt
    held.pressed = True

  before = signal.signal(signal.SIGINT, note)
  try:
    yield held
  finally:
    signal.signal(signal.SIGINT, before)
  if held.pressed:
    raise KeyboardInterrupt
