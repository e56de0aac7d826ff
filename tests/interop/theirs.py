"""Models of transformers with random weights, and folders as people publish them."""

import functools
import inspect
import json
import pathlib
import textwrap

import numpy as np
import pytest

from codegen_jax.data import vocabulary

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
pytest.importorskip("safetensors")

VOCAB = 512
LAYERS, WIDTH, HEADS = 3, 64, 8
FAMILIES = ("codegen", "codegen2", "llama")  # codegen2: qkv in eight parts
MP_NUM = {"codegen": 4, "codegen2": 8, "llama": None}


@functools.cache
def model(family: str):
  """On its own code's terms: codegen2's is transformers' with another mp_num, as the hub's was."""
  torch.manual_seed(0)
  if family == "llama":
    made = transformers.LlamaForCausalLM(
      transformers.LlamaConfig(
        vocab_size=VOCAB, hidden_size=WIDTH, num_hidden_layers=LAYERS, num_attention_heads=HEADS,
        intermediate_size=176, rms_norm_eps=1e-6, max_position_embeddings=128,
        tie_word_embeddings=False, bos_token_id=1, eos_token_id=2,
      )
    )  # fmt: skip
  else:
    made = transformers.CodeGenForCausalLM(
      transformers.CodeGenConfig(
        vocab_size=VOCAB, n_positions=128, n_ctx=128, n_embd=WIDTH, n_layer=LAYERS, n_head=HEADS,
        rotary_dim=6, bos_token_id=1, eos_token_id=2,
      )
    )  # fmt: skip
  if family == "codegen2":
    in_eight_parts(made)
  with torch.no_grad():
    for parameter in made.parameters():  # new biases are zero and new norms the identity
      parameter.add_(0.1 * torch.randn_like(parameter))
  return made.eval()


def in_eight_parts(made) -> None:
  """Puts an 8 where transformers' forward has a 4; nothing of ours has a part in it."""
  attention = type(made.transformer.h[0].attn)
  source = textwrap.dedent(inspect.getsource(attention.forward))
  assert source.count("mp_num = 4\n") == 1
  space = dict(vars(inspect.getmodule(attention)))
  exec(source.replace("mp_num = 4\n", "mp_num = 8\n"), space)
  for block in made.transformer.h:
    block.attn.forward = functools.partial(space["forward"], block.attn)


def save(
  family: str, folder: pathlib.Path, *, form: str = "safetensors", dtype: str = "float32", **config
) -> pathlib.Path:
  """A folder of one; `form` is safetensors, bin, and either in parts."""
  kind, *in_parts = form.split()
  made = model(family)
  weights = {k: v.to(getattr(torch, dtype)).contiguous() for k, v in made.state_dict().items()}
  folder.mkdir(parents=True, exist_ok=True)
  told = made.config.to_dict()
  if family == "codegen2":
    told |= {"head_dim": WIDTH // HEADS, "auto_map": {}}
  (folder / "config.json").write_text(json.dumps(told | config))
  write(folder, weights, kind=kind, parts=3 if in_parts else 1)
  return folder


def write(folder: pathlib.Path, weights: dict, *, kind: str = "safetensors", parts: int = 1):
  stem = {"safetensors": "model", "bin": "pytorch_model"}[kind]
  names = list(weights)
  chunks = [names[i::parts] for i in range(parts)]
  where = {}
  for i, chunk in enumerate(chunks):
    name = f"{stem}.{kind}" if parts == 1 else f"{stem}-{i + 1:05}-of-{parts:05}.{kind}"
    held = {key: weights[key] for key in chunk}
    if kind == "bin":
      torch.save(held, folder / name)
    else:
      from safetensors.torch import save_file

      save_file(held, folder / name, {"format": "pt"})
    where |= dict.fromkeys(chunk, name)
  if parts > 1:
    index = {"metadata": {"total_size": 0}, "weight_map": where}
    (folder / f"{stem}.{kind}.index.json").write_text(json.dumps(index))


def stored(folder: pathlib.Path) -> dict:
  """Every tensor of a folder of safetensors."""
  from safetensors.torch import load_file

  files = sorted(folder.glob("*.safetensors"))
  assert files
  return {name: tensor for file in files for name, tensor in load_file(file).items()}


def logits(made, tokens: np.ndarray) -> np.ndarray:
  with torch.no_grad():
    return made(torch.tensor(tokens, dtype=torch.long)).logits.float().numpy()


@functools.cache
def tokenizer(folder: str) -> pathlib.Path:
  texts = ["def add(a, b):\n    return a + b\n" * 9, "one two three\t\tfour  five " * 9, "é😀" * 20]
  return vocabulary.train(
    texts, vocab_size=310, num_masks=8, out=pathlib.Path(folder) / "tokenizer.json"
  )


@functools.cache
def stock(family: str):
  """transformers' own class, unchanged, for a folder of ours."""
  return {
    "codegen": transformers.CodeGenForCausalLM,
    "codegen2": transformers.CodeGenForCausalLM,
    "llama": transformers.LlamaForCausalLM,
  }[family]
