"""A folder that is there when it is whole, and else is not."""

from collections.abc import Iterator
import contextlib
import pathlib
import shutil

from codegen_jax.errors import InputError


@contextlib.contextmanager
def draft(out: pathlib.Path) -> Iterator[pathlib.Path]:
  """A folder beside `out` to write into; it gets its name at the end, and is deleted on a failure.

  Raises:
    InputError: there is something at `out`, or it cannot be written there.
  """
  out = out.expanduser().absolute()
  if out.exists() and not (out.is_dir() and not any(out.iterdir())):
    raise InputError(f"--out={out} is there already; give another folder, or delete it")
  made = out.with_name(f".{out.name}.draft")
  try:
    shutil.rmtree(made, ignore_errors=True)  # of one that was killed
    made.mkdir(parents=True)
  except OSError as error:
    raise InputError(f"--out={out} cannot be written ({error.strerror})") from error
  try:
    yield made
    if out.is_dir():
      out.rmdir()
    made.rename(out)
  finally:
    shutil.rmtree(made, ignore_errors=True)
