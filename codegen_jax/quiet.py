"""Keeps the libraries below from talking over a run's own lines.  Import nothing heavy before it."""

import logging
import os
import warnings


def quiet() -> None:
  """Warnings and worse stay; notes on start-up, compilation and devices go.  Ours are never hidden.

  What the user has set in the environment is left alone.
  """
  os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
  os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
  os.environ.setdefault("GRPC_VERBOSITY", "NONE")
  # TensorFlow only reads data here; on a GPU machine it would take the memory that JAX needs.
  os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
  warnings.filterwarnings("ignore", category=DeprecationWarning)
  for name in ("absl", "jax", "orbax", "tensorflow"):
    logging.getLogger(name).setLevel(logging.ERROR)
