"""How much arithmetic a step is, and how much a device could do."""

import jax

from codegen_jax.models.config import TransformerConfig

# Dense bfloat16 FLOP/s of one device, by the name JAX gives its kind; makers' data sheets.
PEAK_FLOPS = {
  "TPU v3": 61.5e12,  # JAX counts the two cores of a v3 chip as two devices
  "TPU v4": 275e12,
  "TPU v5 lite": 197e12,
  "TPU v5": 459e12,  # v5p, which JAX has called by both names
  "TPU v5p": 459e12,
  "TPU v6 lite": 918e12,
  "NVIDIA A100-SXM4-40GB": 312e12,
  "NVIDIA A100-SXM4-80GB": 312e12,
  "NVIDIA H100 80GB HBM3": 989e12,
  "NVIDIA H200": 989e12,
}


def flops_per_token(config: TransformerConfig, seq_len: int, *, causal: bool = False) -> float:
  """Of one training step: 6 for each weight that a token is multiplied with, and attention.

  Attention counts every key (12 L N H per layer and token), as PaLM's definition of model FLOP
  utilisation does (arXiv 2204.02311, appendix B); recomputation does not count.

  Args:
    config: the network.
    seq_len: L.
    causal: count only the half of the keys that a causal decoder reads, as MaxText does.
  """
  c = config
  attention = 4 * c.embed_dim * c.num_heads * c.head_dim
  mlp = c.mlp_matrices * c.embed_dim * c.mlp_dim
  weights = c.num_layers * (attention + mlp) + c.embed_dim * c.vocab_size
  keys = seq_len / 2 if causal else seq_len
  return 6.0 * weights + 12.0 * c.num_layers * keys * c.num_heads * c.head_dim


def peak_flops(devices: list[jax.Device]) -> float | None:
  """FLOP/s of all devices together; None where a device's peak is not known, as a CPU's is not."""
  peaks = [PEAK_FLOPS.get(device.device_kind) for device in devices]
  known = [peak for peak in peaks if peak is not None]
  return sum(known) if len(known) == len(peaks) else None
