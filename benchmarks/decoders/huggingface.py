"""transformers' `generate` with its cache, on PyTorch."""

from collections.abc import Callable

import numpy as np
import torch
import transformers

from benchmarks.decoders import shapes
from codegen_jax.models import rotary
from codegen_jax.models.config import TransformerConfig
from codegen_jax.types import Params

SHARDS = 4  # of each, queries, values and keys lie together


def make(shape: str, batch_size: int, prompt: int, new: int) -> Callable[[], list[list[int]]]:
  c = shapes.CONFIGS[shape]
  network = transformers.CodeGenForCausalLM(
    transformers.CodeGenConfig(
      vocab_size=c.vocab_size, n_positions=prompt + new, n_ctx=prompt + new, n_embd=c.embed_dim,
      n_layer=c.num_layers, n_head=c.num_heads, rotary_dim=c.rotary_dim, bos_token_id=None,
      eos_token_id=None, resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0,
    )
  ).eval()  # fmt: skip
  network.load_state_dict(
    {name: torch.from_numpy(np.ascontiguousarray(x)) for name, x in weights(c).items()},
    strict=False,
  )
  prompts = torch.from_numpy(shapes.prompts(c, batch_size, prompt))

  def run() -> list[list[int]]:
    with torch.no_grad():
      rows = network.generate(
        prompts, attention_mask=torch.ones_like(prompts), max_new_tokens=new, do_sample=False,
        pad_token_id=0, use_cache=True,
      )  # fmt: skip
    return rows[:, prompt:].tolist()

  return run


def weights(config: TransformerConfig) -> dict[str, np.ndarray]:
  """Those of `shapes.params` under transformers' names, whose matrices are [out, in]."""
  params: Params = shapes.params(config)
  blocks, D = params["blocks"], config.embed_dim
  pairs = np.argsort(rotary.halves_of_pairs(config.head_dim))

  def rows_of(name: str, layer: int) -> np.ndarray:
    kernel = blocks["attention"][name]["kernel"][layer]  # [D, N, H]
    kernel = kernel if name == "value" else kernel[..., pairs]
    return kernel.transpose(1, 2, 0).reshape(SHARDS, 1, -1, D)

  named = {
    "transformer.wte.weight": params["embedding"]["table"],
    "transformer.ln_f.weight": params["final_norm"]["scale"],
    "transformer.ln_f.bias": params["final_norm"]["bias"],
    "lm_head.weight": params["head"]["kernel"].T,
    "lm_head.bias": params["head"]["bias"],
  }
  for layer in range(config.num_layers):
    fused = [rows_of(name, layer) for name in ("query", "value", "key")]
    out, mlp = blocks["attention"]["out"]["kernel"][layer], blocks["mlp"]
    at = f"transformer.h.{layer}"
    named |= {
      f"{at}.ln_1.weight": blocks["norm"]["scale"][layer],
      f"{at}.ln_1.bias": blocks["norm"]["bias"][layer],
      f"{at}.attn.qkv_proj.weight": np.concatenate(fused, axis=1).reshape(-1, D),
      f"{at}.attn.out_proj.weight": out.reshape(-1, D).T,
      f"{at}.mlp.fc_in.weight": mlp["in"]["kernel"][layer].T,
      f"{at}.mlp.fc_in.bias": mlp["in"]["bias"][layer],
      f"{at}.mlp.fc_out.weight": mlp["out"]["kernel"][layer].T,
      f"{at}.mlp.fc_out.bias": mlp["out"]["bias"][layer],
    }
  return named
