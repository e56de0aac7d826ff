"""How far a stage is, by the files that its workers leave."""

from collections.abc import Iterator, Sequence
import contextlib
import threading

from codegen_jax.countdown import Countdown
from codegen_jax.prepare.storage import Path

LOOK = 2.0  # seconds between two looks


@contextlib.contextmanager
def told(label: str, files: Sequence[Path]) -> Iterator[None]:
  """Until the block ends, tells how many of the files, which lie in one folder, are there."""
  countdown, names = Countdown(label, len(files)), {file.name for file in files}
  over, known = threading.Event(), 0

  def look() -> None:
    nonlocal known
    while not over.wait(LOOK):
      folder = files[0].parent
      there = names & {file.name for file in folder.iterdir()} if folder.exists() else ()
      if len(there) > known:
        countdown.add(len(there) - known)
        known = len(there)

  looking = threading.Thread(target=look, name=label, daemon=True)
  looking.start()
  try:
    yield
  finally:
    over.set()
    looking.join()
  if 0 < known < len(files):
    countdown.add(len(files) - known)
