"""Kinds of task, and which of them a model must not have seen to be measured on one (2109.01652).

A data set is unseen only if no data set of any cluster that it belongs to was trained on.
"""

from collections.abc import Iterable

from codegen_jax.did_you_mean import suggestion
from codegen_jax.errors import InputError
from tasks.flan import dataset
from tasks.flan.dataset import Dataset

PAPER = (
  "nli",
  "commonsense",
  "sentiment",
  "paraphrase",
  "closed_book_qa",
  "struct_to_text",
  "reading_comprehension",
  "reading_comprehension_commonsense",
  "coreference",
  "miscellaneous",
  "summarization",
  "translation",
)
# Clusters that lie so near to another one that both are held out with either.
NEAR = (
  ("nli", "paraphrase"),
  ("reading_comprehension_commonsense", "reading_comprehension"),
  ("reading_comprehension_commonsense", "commonsense"),
)
# The ablation adds clusters in this order (task_splits.py of the public code).  Conversations are a
# cluster of their own there, and part of the paper's "miscellaneous".
ABLATION = (
  ("summarization",),
  ("translation",),
  ("reading_comprehension",),
  ("sentiment",),
  ("struct_to_text",),
  ("coreference",),
  ("coqa", "quac"),
)
ABLATION_HELD_OUT = ("nli", "commonsense", "closed_book_qa")
# The same of data sets whose small files are public, ours among them.  Kinds that the paper adds
# come first and in its order; the last two are parts of "reasoning".
FEW = (
  ("summarization",),
  ("reading_comprehension",),
  ("coreference",),
  ("commonsense",),
  ("closed_book_qa",),
  ("aqua", "gsm8k"),
  ("creak", "ecqa", "qasc", "sensemaking", "strategyqa"),
)
FEW_HELD_OUT = ("nli",)


def names() -> tuple[str, ...]:
  """The paper's twelve, and those of this project."""
  own = {cluster for one in dataset.load().values() for cluster in one.clusters}
  return (*PAPER, *sorted(own - {*PAPER}))


def members(cluster: str, *, extra: bool = False) -> tuple[str, ...]:
  """Data sets of a cluster; with `extra` those, too, that the paper does not have."""
  if cluster not in names():
    raise InputError(f"there is no cluster {cluster!r}{suggestion(cluster, names())}")
  return tuple(
    name
    for name, one in dataset.load().items()
    if cluster in one.clusters and (extra or not one.extra)
  )


def held_out_with(clusters: Iterable[str]) -> frozenset[str]:
  """These clusters and those that lie near to one of them."""
  own = frozenset(clusters)
  pairs = (*NEAR, *((b, a) for a, b in NEAR))
  return own | {second for first, second in pairs if first in own}


def may_be_trained_on(evaluated: Iterable[str], *, extra: bool = False) -> tuple[str, ...]:
  """The paper's data sets that leave every data set of these clusters unseen; `extra`: ours too.

  A data set of several clusters takes all of them with it.
  """
  measured = {*evaluated}
  own = {c for one in dataset.load().values() if measured & {*one.clusters} for c in one.clusters}
  closed = held_out_with(own)
  return tuple(
    name for name, one in dataset.load().items() if _open(one, closed) and (extra or not one.extra)
  )


def _open(one: Dataset, closed: frozenset[str]) -> bool:
  return one.trained and not closed & {*one.clusters}
