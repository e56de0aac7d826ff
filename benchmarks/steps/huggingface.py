"""transformers' CodeGen on PyTorch, as its user would train it."""

from collections.abc import Callable
from typing import Any

import torch
from torch.nn import functional
import transformers

from benchmarks.steps import shapes
from benchmarks.steps.shapes import Shape


def model(shape: Shape) -> Any:
  """A new network, from a seed."""
  c = shape.config
  torch.manual_seed(0)
  return transformers.CodeGenForCausalLM(
    transformers.CodeGenConfig(
      vocab_size=c.vocab_size, n_positions=shape.seq_len, n_ctx=shape.seq_len, n_embd=c.embed_dim,
      n_layer=c.num_layers, n_head=c.num_heads, rotary_dim=c.rotary_dim, bos_token_id=1,
      eos_token_id=2, resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0, use_cache=False,
    )
  )  # fmt: skip


def make(shape: Shape, *, compiled: bool, device: str = "cpu") -> Callable[[int], float]:
  """A function that makes so many updates and says the loss before the last.

  On a GPU in bfloat16 over weights in float32, as ours; without checkpoints the scores of all
  layers would not fit beside one another.
  """
  network = model(shape).to(device)
  if device != "cpu":
    network.gradient_checkpointing_enable({"use_reentrant": False})
    network.train()
  parameters = list(network.parameters())
  optimizer = torch.optim.AdamW(
    [
      {"params": [p for p in parameters if p.ndim > 1], "weight_decay": shapes.WEIGHT_DECAY},
      {"params": [p for p in parameters if p.ndim == 1], "weight_decay": 0.0},
    ],
    lr=shapes.RATE, betas=shapes.BETAS, eps=shapes.EPSILON,
    fused=True,  # one pass over the weights; PyTorch's default loops over them in Python
  )  # fmt: skip

  def loss_of(inputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    with torch.autocast(device, torch.bfloat16, enabled=shape.config.dtype == "bfloat16"):
      logits = network(inputs).logits
    return functional.cross_entropy(logits.flatten(0, 1), targets.flatten())

  if compiled:
    loss_of = torch.compile(loss_of)
  batches = shapes.batches(shape)

  def steps(number: int) -> float:
    for _ in range(number):
      batch = next(batches)
      inputs, targets = (
        torch.from_numpy(x).long().to(device) for x in (batch.inputs, batch.targets)
      )
      loss = loss_of(inputs, targets)
      loss.backward()
      torch.nn.utils.clip_grad_norm_(parameters, shapes.CLIP_NORM)
      optimizer.step()
      optimizer.zero_grad()
    return float(loss.detach())

  return steps
