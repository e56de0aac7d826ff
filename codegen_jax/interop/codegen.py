"""CodeGen and CodeGen2 as transformers' CodeGenForCausalLM."""

from typing import Any

from codegen_jax.errors import InputError
from codegen_jax.interop import quirks
from codegen_jax.interop.layouts import HeadsIn, HeadsOut, Origin, Origins, Same, Transposed
from codegen_jax.interop.told import Told
from codegen_jax.models.config import BlockKind, TransformerConfig

MODEL_TYPE, CLASS = "codegen", "CodeGenForCausalLM"
BLOCK: BlockKind = "codegen"
ROTARY_BASE = 10_000.0  # of transformers' class, which does not ask


def read_config(told: Told) -> TransformerConfig:
  """Its shape.

  Raises:
    InputError: it is no model that our block computes.
  """
  told.must_be("activation_function", "gelu_new")
  told.must_be("tie_word_embeddings", False)
  width, heads = told.size("n_embd"), told.size("n_head")
  if width % heads:
    raise InputError(f"n_embd ({width}) in {told.path} is no multiple of n_head ({heads})")
  return TransformerConfig(
    vocab_size=told.size("vocab_size"),
    embed_dim=width,
    num_layers=told.size("n_layer"),
    num_heads=heads,
    head_dim=width // heads,
    rotary_dim=told.size("rotary_dim"),
    block=BLOCK,
    mlp_dim=told.size("n_inner") if told.values.get("n_inner") else 0,
    norm_epsilon=told.number("layer_norm_epsilon", 1e-5),
    rotary_base=ROTARY_BASE,
  )


def positions(told: Told) -> int:
  """How long its rows were."""
  return told.size("n_positions", 2048)


def mp_num(told: Told, asked: int | None) -> int:
  """In how many parts it fuses queries, values and keys."""
  return quirks.mp_num(told.values, asked)


def write_config(model: TransformerConfig, positions: int) -> dict[str, Any]:
  """What config.json says of the shape.

  Raises:
    InputError: transformers' class has no such model.
  """
  if model.num_heads * model.head_dim != model.embed_dim:
    raise InputError(
      f"{CLASS} has heads of embed_dim / num_heads dimensions; this model has {model.num_heads}"
      f" heads of {model.head_dim} and is {model.embed_dim} wide"
    )
  if model.num_heads % quirks.STOCK_MP_NUM:
    raise InputError(
      f"{CLASS} fuses queries, values and keys in {quirks.STOCK_MP_NUM} parts, which"
      f" {model.num_heads} heads cannot be shared by; train with a multiple of"
      f" {quirks.STOCK_MP_NUM} heads"
    )
  if not model.rotary_dim or model.rotary_base != ROTARY_BASE:
    raise InputError(
      f"{CLASS} turns at least 2 dimensions of a head, by wavelengths up to 2 pi {ROTARY_BASE:g};"
      f" this model has rotary_dim {model.rotary_dim} and rotary_base {model.rotary_base:g}"
    )
  return {
    "vocab_size": model.vocab_size,
    "n_positions": positions,
    "n_ctx": positions,
    "n_embd": model.embed_dim,
    "n_layer": model.num_layers,
    "n_head": model.num_heads,
    "n_inner": model.mlp_dim,
    "rotary_dim": model.rotary_dim,
    "activation_function": "gelu_new",
    "layer_norm_epsilon": model.norm_epsilon,
    "resid_pdrop": 0.0,
    "embd_pdrop": 0.0,
    "attn_pdrop": 0.0,
    # transformers ignores it; whoever converts back need not guess.
    "mp_num": quirks.STOCK_MP_NUM,
  }


def origins(model: TransformerConfig, mp_num: int) -> Origins:
  """Where each of our weights lies in theirs."""
  num_heads, head_dim = model.num_heads, model.head_dim
  layer = "transformer.h.{}."
  qkv = 3 * num_heads * head_dim
  fused = {
    f"blocks/attention/{which}/kernel": Origin(
      f"{layer}attn.qkv_proj.weight",
      HeadsIn(
        quirks.qkv_rows(which, num_heads=num_heads, head_dim=head_dim, mp_num=mp_num), of=qkv
      ),
    )
    for which in ("query", "key", "value")
  }
  return {
    "embedding/table": Origin("transformer.wte.weight", Same()),
    "blocks/norm/scale": Origin(f"{layer}ln_1.weight", Same()),
    "blocks/norm/bias": Origin(f"{layer}ln_1.bias", Same()),
    **fused,
    "blocks/attention/out/kernel": Origin(f"{layer}attn.out_proj.weight", HeadsOut(head_dim)),
    "blocks/mlp/in/kernel": Origin(f"{layer}mlp.fc_in.weight", Transposed()),
    "blocks/mlp/in/bias": Origin(f"{layer}mlp.fc_in.bias", Same()),
    "blocks/mlp/out/kernel": Origin(f"{layer}mlp.fc_out.weight", Transposed()),
    "blocks/mlp/out/bias": Origin(f"{layer}mlp.fc_out.bias", Same()),
    "final_norm/scale": Origin("transformer.ln_f.weight", Same()),
    "final_norm/bias": Origin("transformer.ln_f.bias", Same()),
    "head/kernel": Origin("lm_head.weight", Transposed()),
    "head/bias": Origin("lm_head.bias", Same()),
  }
