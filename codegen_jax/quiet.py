"""Keeps libraries from talking over a run's own lines.  Import nothing heavy before it."""

from collections.abc import Iterator
import contextlib
import logging
import os
import sys
import tempfile
import warnings


def quiet() -> None:
  """Warnings and worse stay; notes on start-up, compilation and devices go.

  What the user has set in the environment is left alone.
  """
  os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
  # With NONE, JAX would not say either why it ends a process whose other ones are lost.
  os.environ.setdefault("GRPC_VERBOSITY", "ERROR")
  warnings.filterwarnings("ignore", category=DeprecationWarning)
  for name in ("jax", "orbax", "tensorflow"):
    logging.getLogger(name).setLevel(logging.ERROR)
  # When a save fails, Orbax logs a traceback for each of its threads, and raises the error as well.
  for name in ("absl", "asyncio"):
    logging.getLogger(name).setLevel(logging.CRITICAL)


@contextlib.contextmanager
def hidden(library: str) -> Iterator[None]:
  """Within, others that would import a library find none, unless it is imported already."""
  if library in sys.modules:
    yield
    return
  sys.modules[library] = None  # type: ignore[assignment]  # what an import reads as: there is none
  try:
    yield
  finally:
    del sys.modules[library]


def import_tensorflow() -> None:
  """Imports TensorFlow, which here only reads data, without its greeting and without a GPU.

  The greeting comes from C++ before any log level is read, so the process's stderr is set aside
  meanwhile, and brought back in full if the import fails.
  """
  sys.stderr.flush()
  kept = os.dup(2)
  with tempfile.TemporaryFile() as aside, contextlib.ExitStack() as without:
    os.dup2(aside.fileno(), 2)
    # What Keras, which comes along unused, would import for plots and wrappers: a fifth of it all.
    for library in ("matplotlib", "pandas", "sklearn"):
      without.enter_context(hidden(library))
    try:
      import tensorflow as tf
      import tensorflow_text  # noqa: F401  (seqio imports it, and it greets once more)

      # On a GPU machine it would take the memory that JAX needs.
      tf.config.set_visible_devices([], "GPU")
    except BaseException:
      aside.seek(0)
      os.write(kept, aside.read())
      raise
    finally:
      os.dup2(kept, 2)
      os.close(kept)
