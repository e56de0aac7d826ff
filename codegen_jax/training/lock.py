"""One run to a folder: two would overwrite each other's checkpoints."""

from collections.abc import Iterator
import contextlib
import fcntl
import os
import pathlib
import socket

from codegen_jax.errors import InputError

NAME = ".lock"


@contextlib.contextmanager
def held(workdir: pathlib.Path) -> Iterator[None]:
  """Makes the folder if need be, and keeps it until the block, or this process, ends.

  The kernel lets go of the lock when its process dies, however it dies, so none is ever stale.

  Raises:
    InputError: another process trains here, or the folder cannot be written.
  """
  try:
    workdir.mkdir(parents=True, exist_ok=True)
    file = (workdir / NAME).open("a+")
  except OSError as error:
    raise unwritable(workdir, error) from error
  with file:
    try:
      fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
      file.seek(0)
      raise InputError(
        f"{workdir} is in use by {file.read().strip() or 'another run'}; wait for it, stop it, or"
        " give another --workdir"
      ) from None
    file.truncate(0)
    file.write(f"process {os.getpid()} on {socket.gethostname()}\n")
    file.flush()
    yield


def unwritable(workdir: pathlib.Path, error: OSError) -> InputError:
  """The sentence for a folder in which nothing can be made."""
  return InputError(
    f"the workdir {workdir} cannot be written ({error.strerror}); give another --workdir or allow"
    " writing there"
  )
