"""A folder of transformers' in, a workdir of ours out."""

import dataclasses
import pathlib
from typing import Any

import jax
import numpy as np

from codegen_jax import partitioning
from codegen_jax.checkpoint.checkpoints import Checkpoints
from codegen_jax.checkpoint.retention import Retention
from codegen_jax.countdown import Countdown
from codegen_jax.data.vocabulary import ByteLevelBPE
from codegen_jax.files import write_json, write_text
from codegen_jax.inference import loading
from codegen_jax.interop import families, placing, quirks, tokenizer_files, weights, workdir_gin
from codegen_jax.interop.draft import draft
from codegen_jax.interop.tensors import OfFolder
from codegen_jax.interop.told import Told
from codegen_jax.models.config import Dtype, TransformerConfig
from codegen_jax.models.transformer import Transformer
from codegen_jax.training import stored_leaves

STEP = 0  # nothing was trained here


@dataclasses.dataclass(frozen=True)
class Imported:
  """What came of it."""

  model: TransformerConfig
  mp_num: int
  has_tokenizer: bool


def convert(
  folder: pathlib.Path,
  out: pathlib.Path,
  *,
  name: str,
  mp_num: int | None = None,
  param_dtype: Dtype | None = None,
  tokenizer: pathlib.Path | None = None,
) -> Imported:
  """Writes a workdir that `sample` and `evaluate` read, and that INIT_FROM may name.

  Weights go from the files to the devices one layer at a time.

  Args:
    folder: with config.json and weights.
    out: the workdir; there is none yet.
    name: of the model, for the record.
    mp_num: in how many parts qkv is fused, where nothing tells.
    param_dtype: of our matrices; None is the smaller of the two types that is exact.
    tokenizer: a tokenizer.json in place of the folder's.

  Raises:
    InputError: the folder cannot be read as a model; nothing is written.
  """
  told = Told(folder / "config.json")
  family = families.of_theirs(told)
  model = family.read_config(told)
  parts, positions = family.mp_num(told, mp_num), family.positions(told)
  tensors = quirks.with_folded_bias(OfFolder(folder))
  origins = family.origins(model, parts)
  shapes = weights.expected(origins, _abstract(model))
  weights.check(tensors.stored, shapes, str(folder))
  dtype = param_dtype or weights.exact_type(tensors.stored, shapes)
  model = dataclasses.replace(model, param_dtype=dtype)
  with draft(out) as made:
    vocabulary = _take_tokenizer(folder, tokenizer, made, vocab_size=model.vocab_size)
    progress = Countdown(
      f"reading {name}", sum(len(o.tensors(model.num_layers)) for o in origins.values())
    )
    params = {
      leaf: placing.place(origins[leaf], abstract, tensors, placed=progress.add)
      for leaf, abstract in _abstract(model).items()
    }
    checkpoints = Checkpoints(made / "checkpoints", retention=Retention(1))
    checkpoints.save(
      STEP,
      params=stored_leaves.unnamed(params),
      opt_state={"step": np.int32(STEP)},
      data={"converted_from": name},
    )
    checkpoints.close()
    write_json(made / "config.json", _record(model, positions, name, told, parts))
    write_text(made / "config.gin", workdir_gin.text(model, positions, name=name, workdir=out))
  return Imported(model, parts, vocabulary is not None)


def _abstract(model: TransformerConfig) -> dict[str, jax.ShapeDtypeStruct]:
  mesh = partitioning.make_mesh(partitioning.spread(model.embed_dim))
  return stored_leaves.named(loading.abstract_params(Transformer(model), mesh))


def _take_tokenizer(
  folder: pathlib.Path, tokenizer: pathlib.Path | None, out: pathlib.Path, *, vocab_size: int
) -> ByteLevelBPE | None:
  if tokenizer is not None:
    return tokenizer_files.write(ByteLevelBPE(tokenizer), out, vocab_size=vocab_size)
  return tokenizer_files.take(folder, out, vocab_size=vocab_size)


def _record(
  model: TransformerConfig, positions: int, name: str, told: Told, parts: int
) -> dict[str, Any]:
  """What `sample`, `evaluate` and INIT_FROM ask of a workdir, and where this one is from."""
  return {
    "model": dataclasses.asdict(model),
    "attention": "causal",
    "data": {"seq_len": positions},
    "converted": {
      "from": name,
      "mp_num": parts,
      # Kept for the reader alone: eos 2 and bos 1 are what CodeGen's configs say, and no token.
      "config": dict(told.values),
    },
  }
