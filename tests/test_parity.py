"""The same weights in transformers' CodeGen and Llama and in ours say the same."""

import numpy as np
from numpy.testing import assert_allclose, assert_array_equal
import pytest

from codegen_jax.models import masks, rotary
from codegen_jax.models.config import TransformerConfig
from codegen_jax.models.transformer import Transformer
from codegen_jax.types import Params
from tests.tiny import packed

CONFIG = TransformerConfig(
  vocab_size=97, embed_dim=64, num_layers=3, num_heads=8, head_dim=8, rotary_dim=6
)
LLAMA = TransformerConfig(
  vocab_size=97, embed_dim=64, num_layers=3, num_heads=8, head_dim=8, rotary_dim=8, block="llama",
  mlp_dim=176, norm_epsilon=1e-6,
)  # fmt: skip
SHARDS = 4  # transformers fuses queries, values and keys as a slice of four accelerators held them


def from_codegen(weights: dict[str, np.ndarray], config: TransformerConfig = CONFIG) -> Params:
  """transformers' state dict, whose matrices are [out, in], as our params."""
  D, N, H = config.embed_dim, config.num_heads, config.head_dim

  def layers(name: str) -> np.ndarray:
    return np.stack([weights[f"transformer.h.{i}.{name}"] for i in range(config.num_layers)])

  # Rows of qkv_proj: in each shard its queries, then its values, then its keys.
  fused = layers("attn.qkv_proj.weight").reshape(-1, SHARDS, 3, N // SHARDS, H, D)
  query, value, key = (fused[:, :, i].reshape(-1, N, H, D).transpose(0, 3, 1, 2) for i in range(3))
  halves = rotary.halves_of_pairs(H)
  query, key = query[..., halves], key[..., halves]
  transposed = lambda matrices: np.swapaxes(matrices, -1, -2)  # noqa: E731
  return {
    "embedding": {"table": weights["transformer.wte.weight"]},
    "blocks": {
      "norm": {"scale": layers("ln_1.weight"), "bias": layers("ln_1.bias")},
      "attention": {
        "query": {"kernel": query},
        "key": {"kernel": key},
        "value": {"kernel": value},
        "out": {"kernel": transposed(layers("attn.out_proj.weight")).reshape(-1, N, H, D)},
      },
      "mlp": {
        "in": {"kernel": transposed(layers("mlp.fc_in.weight")), "bias": layers("mlp.fc_in.bias")},
        "out": {
          "kernel": transposed(layers("mlp.fc_out.weight")),
          "bias": layers("mlp.fc_out.bias"),
        },
      },
    },
    "final_norm": {
      "scale": weights["transformer.ln_f.weight"],
      "bias": weights["transformer.ln_f.bias"],
    },
    "head": {"kernel": weights["lm_head.weight"].T, "bias": weights["lm_head.bias"]},
  }


def from_llama(weights: dict[str, np.ndarray]) -> Params:
  """transformers' LlamaForCausalLM as our params."""
  D, N, H = LLAMA.embed_dim, LLAMA.num_heads, LLAMA.head_dim

  def layers(name: str) -> np.ndarray:
    return np.stack([weights[f"model.layers.{i}.{name}.weight"] for i in range(LLAMA.num_layers)])

  def heads(name: str) -> dict[str, np.ndarray]:
    return {"kernel": layers(f"self_attn.{name}").reshape(-1, N, H, D).transpose(0, 3, 1, 2)}

  def transposed(name: str) -> np.ndarray:
    return np.swapaxes(layers(name), -1, -2)

  return {
    "embedding": {"table": weights["model.embed_tokens.weight"]},
    "blocks": {
      "attention_norm": {"scale": layers("input_layernorm")},
      "attention": {
        **{"query": heads("q_proj"), "key": heads("k_proj"), "value": heads("v_proj")},
        "out": {"kernel": transposed("self_attn.o_proj").reshape(-1, N, H, D)},
      },
      "mlp_norm": {"scale": layers("post_attention_layernorm")},
      "mlp": {
        "gate": {"kernel": transposed("mlp.gate_proj")},
        "in": {"kernel": transposed("mlp.up_proj")},
        "out": {"kernel": transposed("mlp.down_proj")},
      },
    },
    "final_norm": {"scale": weights["model.norm.weight"]},
    "head": {"kernel": weights["lm_head.weight"].T},
  }


def test_logits_equal_those_of_transformers_llama():
  torch = pytest.importorskip("torch")
  transformers = pytest.importorskip("transformers")
  config = transformers.LlamaConfig(
    vocab_size=97, hidden_size=64, num_hidden_layers=3, num_attention_heads=8,
    intermediate_size=176, rms_norm_eps=1e-6, max_position_embeddings=64,
    tie_word_embeddings=False,
  )  # fmt: skip
  assert_same_logits(torch, transformers.LlamaForCausalLM(config), LLAMA, from_llama)


def test_logits_equal_those_of_transformers():
  torch = pytest.importorskip("torch")
  transformers = pytest.importorskip("transformers")
  config = transformers.CodeGenConfig(
    vocab_size=97, n_positions=64, n_ctx=64, n_embd=64, n_layer=3, n_head=8, rotary_dim=6,
    bos_token_id=1, eos_token_id=2, resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0,
  )  # fmt: skip
  assert_same_logits(torch, transformers.CodeGenForCausalLM(config), CONFIG, from_codegen)


def assert_same_logits(torch, theirs, ours: TransformerConfig, converted) -> None:
  theirs = theirs.eval()
  torch.manual_seed(0)
  with torch.no_grad():
    for parameter in theirs.parameters():  # new biases are zero and new norms the identity
      parameter.add_(0.1 * torch.randn_like(parameter))
  rng = np.random.default_rng(0)
  batch = packed(rng.integers(0, 97, 64).tolist())
  with torch.no_grad():
    wanted = theirs(torch.tensor(batch.inputs, dtype=torch.long)).logits.numpy()
  params = converted({name: p.numpy() for name, p in theirs.state_dict().items()})
  mask = masks.training_mask(batch, "causal")
  got = np.asarray(Transformer(ours).apply({"params": params}, batch.inputs, mask=mask))
  assert_allclose(got, wanted, atol=1e-5)
  assert_array_equal(got.argmax(-1), wanted.argmax(-1))
  assert np.std(wanted) > 0.1
