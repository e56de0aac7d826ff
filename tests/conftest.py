"""Eight devices that are not there, made before JAX counts them; and shapes that are checked.

Nothing of ours is imported here: jaxtyping has to be watching when that happens.
"""

import os
import pathlib

import hypothesis
import jaxtyping

os.environ["JAX_PLATFORMS"] = "cpu"
# Most of a test's time is compilation.  Each of the two halves it, and makes what need not be fast.
os.environ["XLA_FLAGS"] = " ".join((
  os.environ.get("XLA_FLAGS", ""),
  "--xla_force_host_platform_device_count=8",
  "--xla_backend_optimization_level=0",
  "--xla_cpu_use_fusion_emitters=false",
))  # fmt: skip
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"
os.environ["HF_HUB_OFFLINE"] = "1"

# The first example of a property may compile, which takes longer than any deadline worth having.
hypothesis.settings.register_profile("compiles", deadline=None)
hypothesis.settings.load_profile("compiles")

# Every call is checked where arrays have shapes; elsewhere by mypy alone, which takes no time here.
PACKAGE = pathlib.Path(__file__).parents[1] / "codegen_jax"
WITH_SHAPES = [
  ".".join(file.relative_to(PACKAGE.parent).with_suffix("").parts)
  for file in PACKAGE.rglob("*.py")
  if "jaxtyping" in file.read_text()
]
jaxtyping.install_import_hook(WITH_SHAPES, "beartype.beartype")
