"""Examples that are trained on and measured too, whatever data sets they stand in.

python -m tasks.flan.leaks nli     what is here of everything that a model measured on nli may read
"""

from collections.abc import Iterable
import sys

from codegen_jax.errors import InputError
from tasks.flan import clusters, dataset, sources


def shared(trained: Iterable[str], measured: Iterable[str]) -> dict[tuple[str, str], int]:
  """How many measured examples of a data set ask what a trained-on one of another asks.

  Examples are compared by their fields' text, in no order and without regard to capitals.
  """
  held = {name: _contents(name, "validation") for name in measured}
  found: dict[tuple[str, str], int] = {}
  for name in trained:
    read = _contents(name, "train")
    for other, contents in held.items():
      if both := read & contents:
        found[name, other] = len(both)
  return found


def of_cluster(cluster: str) -> tuple[list[str], list[str]]:
  """Data sets on this machine that are trained on, and those that are measured."""
  every = dataset.load()
  here = [
    [name for name in names if sources.is_here(every[name])]
    for names in (clusters.may_be_trained_on((cluster,)), clusters.members(cluster, extra=True))
  ]
  return here[0], here[1]


def _contents(name: str, split: str) -> set[str]:
  return {one.content for one in sources.examples(dataset.load()[name]).get(split, [])}


def main(names: list[str]) -> int:
  leaked = 0
  for cluster in names or clusters.PAPER:
    trained, measured = of_cluster(cluster)
    found = shared(trained, measured)
    leaked += sum(found.values())
    print(f"{cluster}: {len(trained)} data sets to train on, {len(measured)} to measure", end=", ")
    print(f"{sum(found.values())} examples in both", *(f"{pair}" for pair in found))
  return int(leaked > 0)


if __name__ == "__main__":
  try:
    sys.exit(main(sys.argv[1:]))
  except InputError as error:
    sys.exit(f"tasks.flan.leaks: {error}")
