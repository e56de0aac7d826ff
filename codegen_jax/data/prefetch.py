"""The next items, made while the last one is used."""

from collections.abc import Generator, Iterator
import queue
import threading
from typing import TypeVar

T = TypeVar("T")


def prefetch(items: Iterator[T], ahead: int = 2) -> Generator[T, None, None]:
  """Makes the next items in a thread while the last one is used; an error comes out in its turn."""
  ready: queue.Queue = queue.Queue(ahead)
  done = threading.Event()

  def put(item) -> bool:
    while not done.is_set():
      try:
        ready.put(item, timeout=0.1)
        return True
      except queue.Full:
        continue
    return False

  def work():
    try:
      for item in items:
        if not put((item, None)):
          return
      put((None, StopIteration()))
    except BaseException as error:  # handed to whoever reads, traceback and all
      put((None, error))

  thread = threading.Thread(target=work, name="prefetch", daemon=True)
  thread.start()
  try:
    while True:
      item, error = ready.get()
      if isinstance(error, StopIteration):
        return
      if error is not None:
        raise error
      yield item
  finally:
    done.set()
    thread.join(timeout=5)  # a disk may hang; a thread within a library aborts Python's end
