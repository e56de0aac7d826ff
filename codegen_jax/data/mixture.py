"""What a mixture's name stands for: tasks whose rows have an index, and exact rates."""

from fractions import Fraction
import math

import seqio

from codegen_jax import did_you_mean
from codegen_jax.data import variants
from codegen_jax.data.rows import RowSource
from codegen_jax.errors import InputError


def resolve(name: str) -> tuple[list[seqio.Task], list[Fraction]]:
  """The tasks behind a name and how much of the mixture each one is."""
  name, *settings = name.split(variants.MARK)
  known = sorted({*seqio.TaskRegistry.names(), *seqio.MixtureRegistry.names()})
  if name not in known:
    near = did_you_mean.suggestion(name, known, form="'{}'")
    raise InputError(
      f"there is no mixture {name!r}{near} (a gin file imports the module of tasks/ that makes it)"
    )
  found = seqio.get_mixture_or_task(name)
  tasks = found.tasks if isinstance(found, seqio.Mixture) else [found]
  rates = [found.get_rate(task) for task in tasks] if isinstance(found, seqio.Mixture) else [1.0]
  for task in tasks:
    if not isinstance(task.source, RowSource):
      raise InputError(
        f"the task {task.name!r} of {name!r} is a stream and has no row indices; register it with"
        " tasks.build.add_task"
      )
  if settings:
    tasks = [variants.of(task, settings) for task in tasks]
  if any(vocabulary(task) != vocabulary(tasks[0]) for task in tasks):
    raise InputError(
      f"the tasks of {name!r} have different vocabularies; a model reads one: make them of sources"
      " that share it"
    )
  for rate in rates:
    if not 0 < rate < math.inf:
      raise InputError(f"the mixture {name!r} has a rate of {rate}; every rate must be positive")
  if len({task.source.objective.in_place for task in tasks}) > 1:
    raise InputError(
      f"{name!r} mixes tasks that ask for tokens in their places with tasks that ask for the next:"
      " no one attention can learn both"
    )
  exact = [Fraction(str(rate)) for rate in rates]  # as it was written: 0.1 is a tenth
  return tasks, [rate / sum(exact) for rate in exact]


def check_vocabulary(task: seqio.Task, split: str) -> None:
  """Raises InputError if the tokens of a task were made by another tokenizer than its own."""
  store, ours = task.source.store(split), vocabulary(task)
  of_store = store.vocab_size, store.eos_id
  if of_store != (ours.vocab_size, ours.eos_id):
    raise InputError(
      f"the tokens of {task.name!r} in {store.folder} are of a vocabulary of {of_store[0]} with"
      f" {of_store[1]} for the end of a document, and the task's has {ours.vocab_size} and"
      f" {ours.eos_id}: they are another tokenizer's; prepare them with that of the task"
    )


def vocabulary(task: seqio.Task) -> seqio.Vocabulary:
  return next(iter(task.output_features.values())).vocabulary
