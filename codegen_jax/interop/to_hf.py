"""A workdir of ours in, a folder of transformers' out."""

import collections
from collections.abc import Iterable, Iterator, Mapping
import dataclasses
import pathlib
from types import ModuleType
from typing import Any

import jax
import ml_dtypes
import numpy as np

from codegen_jax import partitioning
from codegen_jax.countdown import Countdown
from codegen_jax.data.vocabulary import ByteLevelBPE
from codegen_jax.errors import InputError
from codegen_jax.files import write_json, write_text
from codegen_jax.inference import loading
from codegen_jax.interop import families, model_card, quirks, shards, tokenizer_files, weights
from codegen_jax.interop.draft import draft
from codegen_jax.interop.layouts import Origins
from codegen_jax.interop.run import Run
from codegen_jax.models.transformer import Transformer
from codegen_jax.training import stored_leaves
from codegen_jax.training.taken_leaves import Taken

DTYPES = {
  "float32": np.dtype(np.float32),
  "float16": np.dtype(np.float16),
  "bfloat16": np.dtype(ml_dtypes.bfloat16),
}


@dataclasses.dataclass(frozen=True)
class Exported:
  """rounded: the tensors that the type could not hold as they were."""

  architecture: str
  dtype: str
  rounded: list[str]


def convert(
  run: Run,
  out: pathlib.Path,
  *,
  vocabulary: ByteLevelBPE | None,
  dtype: str | None = None,
  shard_bytes: int = 2 * 10**9,
  license: str = "unknown",
) -> Exported:
  """Writes a folder that transformers' own class loads, with its tokenizer and a model card.

  One stack of layers is on the device at a time, and one file's tensors on the host.

  Args:
    run: a workdir and a step.
    out: the folder; there is none yet.
    vocabulary: of the run, if it is known.
    dtype: of all tensors; None is that of our matrices.
    shard_bytes: of a file, at the most.
    license: for the card; of the weights.

  Raises:
    InputError: transformers has no such model, or the run cannot be read; nothing is written.
  """
  if run.attention == "bidirectional":
    raise InputError(
      f"{run.workdir} is an encoder, which reads both ways; transformers' CodeGen and Llama read"
      " from left to right alone"
    )
  family = families.of_ours(run.model.block)
  config = _config(family, run, vocabulary, dtype := dtype or run.model.param_dtype)
  origins = family.origins(run.model, quirks.STOCK_MP_NUM)
  leaves = _leaves(run)
  rounded: list[str] = []
  with draft(out) as made:
    writer = shards.Shards(made, limit=shard_bytes)
    shapes = weights.expected(origins, leaves)
    progress = Countdown(f"writing {out.name}", len(shapes))
    for name, tensor in _tensors(run, origins, leaves, shapes):
      cast, lost = shards.narrowed(tensor, DTYPES[dtype], name=name)
      rounded += [name] if lost else []
      writer.add(name, cast)
      progress.add()
    writer.close()
    write_json(made / "config.json", config)
    write_json(made / "generation_config.json", _ids(config))
    if vocabulary is not None:
      tokenizer_files.write_for_transformers(
        vocabulary, made, vocab_size=run.model.vocab_size, positions=run.positions
      )
    card = model_card.text(
      run, name=out.name, architecture=family.CLASS, dtype=dtype, license=license,
      has_tokenizer=vocabulary is not None,
    )  # fmt: skip
    write_text(made / "README.md", card)
  return Exported(family.CLASS, dtype, rounded)


def _config(
  family: ModuleType, run: Run, vocabulary: ByteLevelBPE | None, dtype: str
) -> dict[str, Any]:
  end = quirks.end_of_text(
    None if vocabulary is None else vocabulary.eos_id, vocab_size=run.model.vocab_size
  )
  return {
    "architectures": [family.CLASS],
    "model_type": family.MODEL_TYPE,
    **family.write_config(run.model, run.positions),
    "tie_word_embeddings": False,
    **dict.fromkeys(("bos_token_id", "eos_token_id", "pad_token_id"), end),
    "use_cache": True,
    "dtype": dtype,  # transformers 5 reads this, 4 the next
    "torch_dtype": dtype,
  }


def _ids(config: Mapping[str, Any]) -> dict[str, Any]:
  return {name: config[name] for name in ("bos_token_id", "eos_token_id", "pad_token_id")}


def _leaves(run: Run) -> dict[str, jax.ShapeDtypeStruct]:
  """Our weights, each to be spread over this machine's devices.

  Raises:
    InputError: the checkpoint holds another model than its config says.
  """
  mesh = partitioning.make_mesh(partitioning.spread(run.model.embed_dim))
  leaves = stored_leaves.named(loading.abstract_params(Transformer(run.model), mesh))
  stored = stored_leaves.stored(run.workdir, run.step)
  for name in sorted(leaves.keys() | stored.keys()):
    here, there = leaves.get(name), stored.get(name)
    if here is None or there is None or (here.shape, here.dtype) != (there.shape, there.dtype):
      raise InputError(
        f"step {run.step} of {run.workdir} does not hold the model of its config.json ({name} is"
        f" {_said(there)} there and {_said(here)} by the config)"
      )
  return leaves


def _said(leaf: jax.ShapeDtypeStruct | None) -> str:
  return "missing" if leaf is None else f"{leaf.dtype}{list(leaf.shape)}"


def _tensors(
  run: Run,
  origins: Origins,
  leaves: Mapping[str, jax.ShapeDtypeStruct],
  shapes: Mapping[str, tuple[int, ...]],
) -> Iterator[tuple[str, np.ndarray]]:
  """Theirs, by name; a stack of ours is read when the first tensor asks for it, and then let go."""
  of_tensor: dict[str, list[str]] = collections.defaultdict(list)
  for leaf, origin in origins.items():
    of_tensor[origin.tensor].append(leaf)
  for held in of_tensor.values():  # three for what is fused, else one
    read = stored_leaves.read(
      run.workdir, run.step, {name: Taken(leaves[name], leaves[name]) for name in held}
    )
    for i, name in enumerate(origins[held[0]].tensors(run.model.num_layers)):
      tensor = np.empty(shapes[name], np.result_type(*(leaves[leaf].dtype for leaf in held)))
      for leaf in held:
        of_layer = read[leaf][i] if origins[leaf].of_layers else read[leaf]
        origins[leaf].layout.write(tensor, np.asarray(of_layer))
      yield name, tensor
    _let_go(read.values())


def _let_go(arrays: Iterable[Any]) -> None:
  for array in arrays:
    array.delete()
