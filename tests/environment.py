"""What a process that a test starts is given of the test's own environment."""

import os

# One device where the test does not say otherwise, and compiled in little time: not for speed.
ENVIRONMENT = os.environ | {
  "JAX_PLATFORMS": "cpu",
  "XLA_FLAGS": "--xla_backend_optimization_level=0 --xla_cpu_use_fusion_emitters=false",
}
