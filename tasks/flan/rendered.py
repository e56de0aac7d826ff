"""Examples in words: each in one template, which its place decides, or in every one."""

from collections.abc import Iterator, Sequence
import functools

from codegen_jax.data import order, templates
from codegen_jax.data.corpus import SPLITS
from codegen_jax.data.pairs import Pair, Pairs
from codegen_jax.data.templates import Template
from tasks.flan import sources
from tasks.flan.dataset import Dataset
from tasks.flan.sources import Example

FORMAT = 2  # raise it when other pairs would be made of the same examples
SHOTS_CHARACTERS = 2_000  # of all examples that are shown before one


def trained(dataset: Dataset, name: str, used: Sequence[Template]) -> Pairs:
  """Each example once, in one of these templates."""

  def read() -> dict[str, list[Pair]]:
    return {
      split: [_render(used[order.stable_hash(one.path) % len(used)], one) for one in of]
      for split, of in sources.examples(dataset).items()
    }

  return _pairs(dataset, name, "in one template each", read, used)


def measured(dataset: Dataset, name: str, used: Sequence[Template], *, shots: int = 0) -> Pairs:
  """What is held out, each example in every one of these templates: `cb/validation:7@3`.

  With `shots`, so many examples of the training split stand before it, in the same template.
  """

  def read() -> dict[str, list[Pair]]:
    found = sources.examples(dataset)
    shown = _short(found.get("train", []), used, shots)
    return {
      "validation": [
        _render(template, one, number, _before(template, one, shown, shots))
        for one in found["validation"]
        for number, template in enumerate(used, start=1)
      ]
    }

  told = f"in every template, after {shots} examples"
  return _pairs(dataset, name, told, read, used, shots, splits=("validation",))


def instructions(dataset: Dataset, most: int) -> tuple[Template, ...]:
  return dataset.templates[:most]


def plain(dataset: Dataset) -> tuple[Template, ...]:
  """Inputs alone, a line each: what is to be done with them is not said."""
  return (Template("\n".join(f"{{{name}}}" for name in dataset.inputs)),)


def named(dataset: Dataset) -> tuple[Template, ...]:
  """The data set's name in place of instructions."""
  title = dataset.title.replace("{", "{{").replace("}", "}}")
  return (Template(f"[{title}]\n" + plain(dataset)[0].prompt),)


def asking(used: Sequence[Template]) -> tuple[Template, ...]:
  """Those that ask for the answer: what is turned around measures nothing."""
  return tuple(template for template in used if not template.turned)


def _render(template: Template, one: Example, number: int = 0, before: str = "") -> Pair:
  """For training; with its template's number, to be measured."""
  return templates.render(
    template, one.fields, path=f"{one.path}@{number}" if number else one.path, answer=one.answer,
    options=one.options, before=before, choice=bool(number and one.options),
  )  # fmt: skip


def _short(train: Sequence[Example], used: Sequence[Template], shots: int) -> list[Example]:
  """Examples so short that as many as are shown fit before another one."""
  if not shots:
    return []
  longest = SHOTS_CHARACTERS // shots
  first = used[0]
  return [one for one in train if len(templates.shown(_render(first, one))) <= longest]


def _before(template: Template, one: Example, shown: Sequence[Example], shots: int) -> str:
  return "".join(
    templates.shown(_render(template, shown[place])) for place in _drawn(one, len(shown), shots)
  )


def _drawn(one: Example, of: int, shots: int) -> Iterator[int]:
  """Places of different examples, by the hash of the one that is asked about."""
  first = order.stable_hash(one.path)
  yield from ((first + number) % of for number in range(min(shots, of)))


def _pairs(dataset: Dataset, name: str, how: str, read, used, *also, splits=None) -> Pairs:
  description = f"{dataset.title}, {how} of {len(used)}"
  told = functools.partial(_told, dataset, used, *also)
  return Pairs(name, description, read, told, splits or SPLITS, by_path=splits is not None)


def _told(dataset: Dataset, used: Sequence[Template], *also: int) -> str:
  limits = sources.MOST_TRAINED, sources.MOST_MEASURED, SHOTS_CHARACTERS
  return f"{FORMAT} {dataset.told} {[*used]} {also} {limits} {sources.fingerprint(dataset)}"
