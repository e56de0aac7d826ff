"""CodeGen2.5 as transformers' LlamaForCausalLM."""

from typing import Any

import numpy as np

from codegen_jax.errors import InputError
from codegen_jax.interop.layouts import HeadsIn, HeadsOut, Origin, Origins, Same, Transposed
from codegen_jax.interop.told import Told
from codegen_jax.models.config import BlockKind, TransformerConfig

MODEL_TYPE, CLASS = "llama", "LlamaForCausalLM"
BLOCK: BlockKind = "llama"


def read_config(told: Told) -> TransformerConfig:
  """Its shape.

  Raises:
    InputError: it is a Llama that our block does not compute.
  """
  told.must_be("hidden_act", "silu")
  for name in ("tie_word_embeddings", "attention_bias", "mlp_bias"):
    told.must_be(name, False)
  told.must_be("rope_scaling", None)
  width, heads = told.size("hidden_size"), told.size("num_attention_heads")
  told.must_be("num_key_value_heads", heads, None)
  told.must_be("head_dim", width // heads, None)
  head_dim = width // heads
  return TransformerConfig(
    vocab_size=told.size("vocab_size"),
    embed_dim=width,
    num_layers=told.size("num_hidden_layers"),
    num_heads=heads,
    head_dim=head_dim,
    rotary_dim=head_dim,
    block=BLOCK,
    mlp_dim=told.size("intermediate_size"),
    norm_epsilon=told.number("rms_norm_eps", 1e-6),
    rotary_base=_rotary_base(told),
  )


def _rotary_base(told: Told) -> float:
  """Where transformers 5 says it, or an older one."""
  parameters = told.values.get("rope_parameters") or {}
  if (kind := parameters.get("rope_type", "default")) != "default":
    raise InputError(
      f"rope_parameters in {told.path} is of type {kind!r}, and models here turn by the plain one"
      " ('default'): its weights would mean something else"
    )
  base = parameters.get("rope_theta", told.number("rope_theta", 10_000.0))
  if not isinstance(base, int | float):
    raise InputError(f"rope_theta in {told.path} is {base!r} and must be a number")
  return float(base)


def positions(told: Told) -> int:
  """How long its rows were."""
  return told.size("max_position_embeddings", 2048)


def mp_num(told: Told, asked: int | None) -> int:
  """There are no parts: queries, keys and values are matrices of their own.

  Raises:
    InputError: a number of parts was asked for.
  """
  if asked is not None:
    raise InputError(
      f"--mp_num is for CodeGen and CodeGen2, and {told.path} is of a Llama, which fuses nothing;"
      " leave it out"
    )
  return 1


def write_config(model: TransformerConfig, positions: int) -> dict[str, Any]:
  """What config.json says of the shape.

  Raises:
    InputError: transformers' class has no such model.
  """
  if model.rotary_dim != model.head_dim:
    raise InputError(
      f"{CLASS} turns all dimensions of a head; this model turns {model.rotary_dim} of"
      f" {model.head_dim}"
    )
  if model.num_heads * model.head_dim != model.embed_dim:
    raise InputError(
      f"{CLASS} has heads of embed_dim / num_heads dimensions; this model has {model.num_heads}"
      f" heads of {model.head_dim} and is {model.embed_dim} wide"
    )
  return {
    "vocab_size": model.vocab_size,
    "max_position_embeddings": positions,
    "hidden_size": model.embed_dim,
    "intermediate_size": model.mlp_dim,
    "num_hidden_layers": model.num_layers,
    "num_attention_heads": model.num_heads,
    "num_key_value_heads": model.num_heads,
    "head_dim": model.head_dim,
    "hidden_act": "silu",
    "rms_norm_eps": model.norm_epsilon,
    "rope_theta": model.rotary_base,  # transformers 4 reads this, 5 the next
    "rope_parameters": {"rope_type": "default", "rope_theta": model.rotary_base},
    "attention_bias": False,
    "mlp_bias": False,
  }


def origins(model: TransformerConfig, mp_num: int) -> Origins:
  """Where each of our weights lies in theirs; `mp_num` says nothing here."""
  rows = np.arange(model.num_heads * model.head_dim).reshape(model.num_heads, model.head_dim)
  layer = "model.layers.{}."
  heads = {
    f"blocks/attention/{ours}/kernel": Origin(
      f"{layer}self_attn.{theirs}.weight", HeadsIn(rows, of=rows.size)
    )
    for ours, theirs in (("query", "q_proj"), ("key", "k_proj"), ("value", "v_proj"))
  }
  return {
    "embedding/table": Origin("model.embed_tokens.weight", Same()),
    "blocks/attention_norm/scale": Origin(f"{layer}input_layernorm.weight", Same()),
    **heads,
    "blocks/attention/out/kernel": Origin(
      f"{layer}self_attn.o_proj.weight", HeadsOut(model.head_dim)
    ),
    "blocks/mlp_norm/scale": Origin(f"{layer}post_attention_layernorm.weight", Same()),
    "blocks/mlp/gate/kernel": Origin(f"{layer}mlp.gate_proj.weight", Transposed()),
    "blocks/mlp/in/kernel": Origin(f"{layer}mlp.up_proj.weight", Transposed()),
    "blocks/mlp/out/kernel": Origin(f"{layer}mlp.down_proj.weight", Transposed()),
    "final_norm/scale": Origin("model.norm.weight", Same()),
    "head/kernel": Origin("lm_head.weight", Transposed()),
  }
