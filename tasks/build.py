"""What every task here shares: how it is registered with seqio."""

from collections.abc import Mapping

import seqio

from codegen_jax.data.objectives import Objective
from codegen_jax.data.rows import SEQIO_NAMES, RowSource, read_rows
from tasks.sources import Source


def add_task(name: str, source: Source, objective: Objective) -> seqio.Task:
  """Registers `source` read with `objective`; nothing is read or tokenised before it is used."""
  rows = RowSource(
    name,
    corpus=source.name,
    splits={split: source.reader(split) for split in source.splits},
    objective=objective,
    record=source.record,
  )
  feature = seqio.Feature(source.vocabulary, add_eos=False)
  return seqio.TaskRegistry.add(
    name,
    source=rows,
    preprocessors=[read_rows(rows)],
    output_features=dict.fromkeys(SEQIO_NAMES.values(), feature),
    shuffle_buffer_size=None,
  )


def add_mixture(name: str, rates: Mapping[str, float]) -> seqio.Mixture:
  """Registers a mixture of tasks; the rates are shares of rows, and so of tokens."""
  return seqio.MixtureRegistry.add(name, list(rates.items()))
