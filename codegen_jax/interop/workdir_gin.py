"""The config.gin of an imported model: a run that begins with it, and what `sample` reads."""

import dataclasses
import pathlib

from codegen_jax.models.config import TransformerConfig

# How a machine computes is said elsewhere: what is left out keeps the dataclass's default.
LEFT_OUT = ("remat", "attention_kernel", "unroll")

TEXT = """\
# {name}, as `codegen-jax convert from-hf` read it.  It is read under its own tokenizer:
#   export CODEGEN_JAX_TOKENIZER={workdir}/tokenizer.json
#   codegen-jax sample --workdir={workdir} --gin_file={workdir}/config.gin --prompt='def add(a, b):'
#   codegen-jax train --workdir=runs/tuned --gin_file={workdir}/config.gin --gin.INIT_FROM={workdir}
# What follows the model is no recipe of its authors: give your own MIXTURE, rates and steps.
from __gin__ import dynamic_registration
from codegen_jax.models import config as model_config
from tasks import imported
include 'gin_configs/base/pretrain.gin'

MIXTURE = 'imported_code_clm'
ATTENTION = 'causal'
HELD_OUT = ('imported_code_clm',)
SEQ_LEN = {positions}
BATCH_SIZE = 8
TOTAL_STEPS = 1000
WARMUP_STEPS = 100
ANNEAL_STEPS = 900
PEAK_RATE = 1e-5
END_RATE = 1e-6

model_config.TransformerConfig:
{fields}
"""


def text(model: TransformerConfig, positions: int, *, name: str, workdir: pathlib.Path) -> str:
  """A gin file that needs no other but this project's own."""
  fields = {k: v for k, v in dataclasses.asdict(model).items() if k not in LEFT_OUT}
  lines = "\n".join(f"  {field} = {value!r}" for field, value in fields.items())
  return TEXT.format(name=name, workdir=workdir, positions=positions, fields=lines)
