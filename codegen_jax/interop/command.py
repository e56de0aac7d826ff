"""`codegen-jax convert`: there and back, and what came of it in a line."""

import argparse
import pathlib
import sys

from codegen_jax import config as gin_config
from codegen_jax.data import mixture
from codegen_jax.data.vocabulary import ByteLevelBPE
from codegen_jax.errors import InputError
from codegen_jax.interop import flags as flags_
from codegen_jax.interop import from_hf, repository, run, to_hf
from codegen_jax.interop.run import Run
from codegen_jax.run_config import RunConfig


def execute(flags: argparse.Namespace) -> None:
  """Converts, and says what to do with it."""
  (_from if flags.direction == flags_.FROM else _to)(flags)


def _from(flags: argparse.Namespace) -> None:
  folder = repository.folder(flags.path)
  made = from_hf.convert(
    folder, flags.out, name=flags.path, mp_num=flags.mp_num, param_dtype=flags.param_dtype,
    tokenizer=flags.tokenizer,
  )  # fmt: skip
  fused = f", qkv in {made.mp_num} parts" if made.model.block == "codegen" else ""
  print(
    f"{flags.out}  {made.model.num_params:,} parameters in {made.model.param_dtype}{fused}; its"
    " config.gin begins with what to do next"
  )
  if not made.has_tokenizer:
    print(
      f"{folder} has no tokenizer.json, so {flags.out} has none; give --tokenizer=FILE to add one"
      " (docs/interop.md makes CodeGen2.5's)",
      file=sys.stderr,
    )


def _to(flags: argparse.Namespace) -> None:
  if flags.shard_mb < 1:
    raise InputError(f"--shard_mb is {flags.shard_mb}; give 1 or more")
  found = run.read(flags.workdir, flags.step)
  made = to_hf.convert(
    found,
    flags.out,
    vocabulary=_vocabulary(found, flags.tokenizer),
    dtype=flags.dtype,
    shard_bytes=flags.shard_mb * 10**6,
    license=flags.license,
  )
  print(f"{flags.out}  {made.architecture} in {made.dtype}, step {found.step} of {flags.workdir}")
  if made.rounded:
    print(
      f"{len(made.rounded)} tensors were rounded to {made.dtype}, {made.rounded[0]} the first;"
      " --dtype=float32 keeps them as they are",
      file=sys.stderr,
    )


def _vocabulary(found: Run, given: pathlib.Path | None) -> ByteLevelBPE | None:
  """What was asked for, or lies in the workdir, or the run's mixture has.

  Raises:
    InputError: the run's mixture cannot be read here, or has another tokenizer by now.
  """
  if given is not None or found.tokenizer is not None:
    return ByteLevelBPE(given or found.tokenizer or "")
  if "converted" in found.config:
    print(f"{found.workdir} has no tokenizer, and so its export has none", file=sys.stderr)
    return None
  try:
    loaded = gin_config.load(RunConfig, [str(found.workdir / "config.gin")]).config
    tasks, _ = mixture.resolve(loaded.train.data.mixture)
    # Read anew: a process that trained has kept what it read then.
    vocabulary = ByteLevelBPE(mixture.vocabulary(tasks[0]).file)
    fingerprint = vocabulary.fingerprint
  except InputError as error:
    raise InputError(
      f"the tokenizer of {found.workdir} is not to be had here ({error}); give --tokenizer=FILE"
    ) from error
  trained = {told.get("tokenizer") for told in found.data.get("corpora", {}).values()}
  if trained - {None, fingerprint}:
    raise InputError(
      f"{found.workdir} was trained under another tokenizer than its mixture now has; bring its"
      " data back, or give --tokenizer=FILE"
    )
  return vocabulary
