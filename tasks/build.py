"""What every task here shares: how it is registered with seqio."""

from collections.abc import Mapping, Sequence
import math

import seqio

from codegen_jax.data.objectives import Objective
from codegen_jax.data.rows import Level, RowSource
from codegen_jax.data.seqio_rows import SEQIO_NAMES, read_rows
from codegen_jax.errors import InputError
from tasks import recipes
from tasks.sources import Source


def add_task(
  name: str,
  source: Source,
  objective: Objective,
  *,
  level: Level = "context",
  epochs: int | None = None,
  noise: str = "",
) -> seqio.Task:
  """Registers `source` read with `objective`; nothing is read or tokenised before it is used.

  With level="document" the objective sees documents whole, before they are cut into rows; with
  level="whole" they are not cut.  After `epochs` passes over the corpus the task ends; otherwise it
  begins again without end.  `noise` is the task whose noise it shares, instead of its own.
  """
  rows = RowSource(
    name,
    corpus=source.name,
    splits={split: source.reader(split) for split in source.splits},
    objective=objective,
    record=source.record,
    level=level,
    epochs=epochs,
    noise=noise,
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
  """Registers a mixture of tasks; the rates are shares of the text that is read, in tokens."""
  if not all(0 <= rate < math.inf for rate in rates.values()) or not sum(rates.values()):
    raise InputError(
      f"the mixture {name!r} has the rates {dict(rates)}; a rate is a share, a finite number,"
      " none of them negative and not all 0"
    )
  return seqio.MixtureRegistry.add(name, list(rates.items()))


def add_mixture_of_examples(
  name: str, tasks: Sequence[str], *, maximum: int | None = None
) -> seqio.Mixture:
  """Registers tasks of whole documents, each with as large a share as it has documents to train on.

  Those above the `maximum` of a task do not count; without one, all shares are equal, which is for
  what is measured alone.  Documents are counted when the mixture is read.
  """

  def rate(task: seqio.Task) -> float:
    store = task.source.store("train")
    # Rates are shares of the text, and a document of this task has so many tokens on average.
    counted = min(store.num_documents, maximum or store.num_documents)
    return float(max(round(counted * store.num_tokens / store.num_documents), 1))

  return seqio.MixtureRegistry.add(name, [(task, rate if maximum else 1) for task in tasks])


def add_recipes(corpus: str, source: Source) -> None:
  """Registers `source` with every objective of the lessons: `<corpus>_clm`, `<corpus>_psm`, ..."""
  for name, objective in recipes.recipes(source.vocabulary).items():
    noise = f"{corpus}_{recipes.SAME_NOISE[name]}" if name in recipes.SAME_NOISE else ""
    add_task(f"{corpus}_{name}", source, objective, noise=noise)
    add_task(f"{corpus}_{name}_epochs_5", source, objective, epochs=5)
  for name, made in recipes.DOCUMENT_LEVEL.items():
    add_task(f"{corpus}_{name}", source, made(source.vocabulary), level="document")


def add_equal_mixtures(name: str, first: str, second: str, source: Source) -> None:
  """Registers half `first`, half `second` with every objective: `<name>_clm`, `<name>_psm`, ..."""
  for recipe in recipes.recipes(source.vocabulary):
    add_mixture(f"{name}_{recipe}", {f"{first}_{recipe}": 0.5, f"{second}_{recipe}": 0.5})
