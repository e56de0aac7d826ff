"""What is odd in checkpoints of CodeGen, all of it.

buffers    older files hold masks and tables that are no weights
qkv        one matrix, in mp_num parts, each with its queries, then its values, then its keys
pairs      rotary turns dimensions (0, 1), (2, 3), ...; ours (0, H/2), (1, H/2 + 1), ...
bias       jaxformer embeds by a linear map; the published tables have its bias in every row
ids        configs say that <s> is 1 and </s> 2, which are words; <|endoftext|> is 50256
"""

from collections.abc import Iterable, Iterator, Mapping
import contextlib
from typing import Any, Literal

import jax
from jaxtyping import Int
import numpy as np

from codegen_jax.data import special_tokens
from codegen_jax.errors import InputError
from codegen_jax.interop.layouts import View
from codegen_jax.interop.tensors import Tensors
from codegen_jax.models import rotary

STOCK_MP_NUM = 4  # transformers' CodeGenForCausalLM knows no other (modeling_codegen.py, forward)
GPT2_END_OF_TEXT = 50_256

# Persistent buffers of older versions of transformers: masks, what masked scores were set to, and
# rotary's frequencies.
BUFFERS = (
  ".attn.causal_mask", ".attn.masked_bias", ".attn.bias", ".attn.embed_positions",
  ".rotary_emb.inv_freq",
)  # fmt: skip

# (layers, embed_dim, heads) of what is published, and in how many parts qkv was trained.  jaxformer
# cuts it for the machine: 8 on TPU v3, 4 on v4.
MP_NUM = {
  (20, 1024, 16): 4,  # CodeGen 350M
  (32, 2560, 32): 4,  # 2B
  (33, 4096, 16): 4,  # 6B
  (34, 6144, 24): 4,  # 16B, CodeGen2's too
  (32, 4096, 16): 4,  # CodeGen2 7B
  (16, 2048, 16): 8,  # CodeGen2 1B
  (16, 4096, 16): 8,  # CodeGen2 3.7B
}


def without_buffers(names: Iterable[str]) -> list[str]:
  """The names of weights."""
  return [name for name in names if not name.endswith(BUFFERS)]


def mp_num(config: Mapping[str, Any], asked: int | None) -> int:
  """In how many parts queries, values and keys were fused.

  No shape shows it, and with another number every logit is finite and wrong.  So it is what the
  config says, or what is known of a published model, or what transformers' own class would have
  written; else it has to be given.

  Args:
    config: config.json of their folder.
    asked: by --mp_num; None is not at all.

  Raises:
    InputError: it is unknown, what was asked contradicts what is known, or it splits a head.
  """
  known, why = _known_mp_num(config)
  if known is None and asked is None:
    raise InputError(
      f"nothing tells in how many parts the {why} fuses queries, values and keys, and no shape"
      " shows it: give --mp_num=8 for CodeGen2-1B and 3.7B, --mp_num=4 for all others"
    )
  if known is not None and asked is not None and known != asked:
    raise InputError(
      f"--mp_num is {asked} and qkv_proj of {why} is in {known} parts; leave --mp_num out (or, if"
      f' you trained it yourself, write "mp_num": {asked} into its config.json)'
    )
  found = known if known is not None else asked
  assert found is not None
  if found < 1 or config["n_head"] % found:
    raise InputError(
      f"mp_num is {found}, which does not divide the {config['n_head']} heads (n_head); give"
      " --mp_num=8 for CodeGen2-1B and 3.7B, --mp_num=4 for all others"
    )
  return found


def _known_mp_num(config: Mapping[str, Any]) -> tuple[int | None, str]:
  """The number, if it is certain, and whose."""
  if "mp_num" in config:
    if not isinstance(config["mp_num"], int):
      raise InputError(f"mp_num in config.json is {config['mp_num']!r} and must be a whole number")
    return config["mp_num"], "a model whose config.json says so"
  shape = tuple(config[name] for name in ("n_layer", "n_embd", "n_head"))
  of_hub_code = "auto_map" in config or "head_dim" in config  # CodeGen2 came with code of its own
  told = f"model of {shape[0]} layers, {shape[1]} wide, with {shape[2]} heads,"
  if shape in MP_NUM:
    number = MP_NUM[shape]
    if number == STOCK_MP_NUM or of_hub_code:
      return number, f"the published {told.rstrip(',')}"
    return None, told
  if of_hub_code:
    return None, told
  return STOCK_MP_NUM, "a model of transformers' own CodeGenForCausalLM"


def qkv_rows(
  which: Literal["query", "value", "key"], *, num_heads: int, head_dim: int, mp_num: int
) -> Int[np.ndarray, "N H"]:
  """Which row of qkv_proj.weight is dimension h of our head n.

  mp_num 2, 4 heads    [q0 q1 v0 v1 k0 k1 | q2 q3 v2 v3 k2 k3]
  (jaxformer's models/decoder/inter/modules.py; transformers' modeling_codegen.py)
  """
  part = ("query", "value", "key").index(which)
  rows = np.arange(3 * num_heads * head_dim).reshape(mp_num, 3, num_heads // mp_num, head_dim)
  ours = rows[:, part].reshape(num_heads, head_dim)
  return ours if which == "value" else ours[:, rotary.halves_of_pairs(head_dim)]


class FoldedBias:
  """Tensors whose table of embeddings has the bias of jaxformer's linear map in every row."""

  TABLE, BIAS = "transformer.wte.weight", "transformer.wte.bias"

  stored: Mapping[str, jax.ShapeDtypeStruct]

  def __init__(self, tensors: Tensors):
    self._tensors = tensors
    stored = {k: v for k, v in tensors.stored.items() if k != self.BIAS}
    shape = stored[self.TABLE].shape
    stored[self.TABLE] = jax.ShapeDtypeStruct(shape, np.float32)  # of the sum
    self.stored = stored
    if tensors.stored[self.BIAS].shape != shape[1:]:
      raise InputError(
        f"{self.BIAS} is {tensors.stored[self.BIAS].shape} and {self.TABLE} {shape}: one is not of"
        " the other's model"
      )

  @contextlib.contextmanager
  def view(self, name: str) -> Iterator[View]:
    with self._tensors.view(name) as view:
      if name != self.TABLE:
        yield view
        return
      with self._tensors.view(self.BIAS) as bias:
        yield _Sum(view, bias)


class _Sum:
  def __init__(self, table: View, bias: View):
    self._table, self._bias = table, bias

  def __getitem__(self, index: tuple[slice, slice]) -> np.ndarray:
    bias = np.asarray(self._bias[index[1]], np.float32)
    return np.asarray(self._table[index], np.float32) + bias


def with_folded_bias(tensors: Tensors) -> Tensors:
  """As the published files are; most of them are already."""
  has_both = {FoldedBias.TABLE, FoldedBias.BIAS} <= tensors.stored.keys()
  return FoldedBias(tensors) if has_both else tensors


def end_of_text(eos_id: int | None, *, vocab_size: int) -> int | None:
  """The id that ends a text.

  Args:
    eos_id: the tokenizer's, where there is one.
    vocab_size: rows of the embedding; 51200 are those of GPT-2's vocabulary and CodeGen's.
  """
  if eos_id is not None:
    return eos_id
  return GPT2_END_OF_TEXT if vocab_size == special_tokens.CODEGEN_ROWS else None
