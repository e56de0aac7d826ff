"""Questions with their answers, in place of documents.

train.jsonl        {"text": "a = 1 / 0", "label": "wrong"}
validation.jsonl   {"text": "a = 1 / 2", "label": "right"}     alone, a tenth of it is held out
"""

from collections import Counter
from collections.abc import Callable, Mapping
import dataclasses
import functools
import hashlib
import json
import operator
import pathlib
from typing import Any

from codegen_jax.data import jsonl, order
from codegen_jax.data.corpus import SPLITS
from codegen_jax.did_you_mean import suggestion
from codegen_jax.errors import InputError

HELD_OUT_EVERY = 10
DEFAULT_FILES = {"train": "train.jsonl", "validation": "validation.jsonl"}


@dataclasses.dataclass(frozen=True)
class Pair:
  """A text, what is asked of it, and the answer.

  Where a text is too long it is cut, and what is asked is not.
  """

  path: str
  text: str
  question: str
  answer: str


@dataclasses.dataclass(frozen=True)
class Choice(Pair):
  """A question that comes with answers to choose from."""

  others: tuple[str, ...]  # the wrong ones


@dataclasses.dataclass(frozen=True)
class Pairs:
  """Has what `Corpus` has, with pairs for documents, in an order drawn from their text.

  Args:
    name: of the collection.
    description: for people.
    read: what reads the pairs of each split; a collection without "train" has its validation split
      in two, by a hash of each pair.
    told: what decides all pairs, where that is known without reading them.
    splits: that it has.  One that has "validation" alone is all held out.
    by_path: whether their order is drawn from their paths alone, so that collections of the same
      questions in other words have one order, and the first so many are the same questions.
  """

  name: str
  description: str
  read: Callable[[], Mapping[str, list[Pair]]] = dataclasses.field(repr=False)
  told: Callable[[], str] | None = None
  splits: tuple[str, ...] = SPLITS
  by_path: bool = False

  def split(self, name: str) -> tuple[Pair, ...]:
    if name not in self._splits:
      raise InputError(
        f"{self.name} has no split {name!r}; its splits are {', '.join(self.splits)}"
      )
    return self._splits[name]

  @functools.cached_property
  def fingerprint(self) -> str:
    """Changes with any pair."""
    if self.told is not None:
      return hashlib.sha256(f"{self.name} {self.told()}".encode()).hexdigest()
    told = [dataclasses.astuple(pair) for name in self.splits for pair in self._splits[name]]
    return hashlib.sha256(json.dumps([self.name, told]).encode()).hexdigest()

  def record(self) -> dict[str, Any]:
    """How many pairs there are of each answer: the classes, where answers are labels.

    Of pairs that were not read, and whose tokens are known, their `TokenStore` tells it.
    """
    told: dict[str, Any] = {"fingerprint": self.fingerprint, "description": self.description}
    if self.told is not None and "_splits" not in vars(self):
      return told
    for name in self.splits:
      answers = Counter(pair.answer.strip() for pair in self._splits[name])
      told[name] = {"pairs": answers.total()}
      if len(answers) <= 20:
        told[name]["answers"] = dict(answers.most_common())
    return told

  @functools.cached_property
  def _splits(self) -> dict[str, tuple[Pair, ...]]:
    found = {name: sorted(pairs, key=self._key) for name, pairs in self.read().items()}
    if "train" in self.splits and not found.get("train"):
      every = found.get("validation", [])
      first = [pair for pair in every if self._key(pair) % HELD_OUT_EVERY == 0]
      rest = [pair for pair in every if self._key(pair) % HELD_OUT_EVERY]
      found = {"train": rest, "validation": first}
    for name in self.splits:
      if not found.get(name):
        raise InputError(f"{self.name} has no pairs in its split {name}; give it some")
    return {name: tuple(found[name]) for name in self.splits}

  def _key(self, pair: Pair) -> int:
    if self.by_path:
      return order.stable_hash(pair.path)
    return order.stable_hash(self.name, pair.path, pair.text, pair.answer)


def labelled_files(
  folder: pathlib.Path,
  files: Mapping[str, str] = DEFAULT_FILES,
  *,
  labels: Mapping[str, str],
  text: str | Callable[[Mapping[str, Any]], str] = "text",
  label: str = "label",
  question: str = "\nAnswer:",
) -> dict[str, list[Pair]]:
  """Reads the pairs of each split from a file of JSON lines, packed by gzip or not.

  Args:
    folder: of the files.
    files: of each split; only that of "validation" must be there.
    labels: what a label is called in the files -> what a model says for it.
    text: the field of the text, or what makes it of a row.
    label: the field of the label.
    question: that follows every text.

  Raises:
    InputError: there is no file, or a line is no row, lacks a field or has a label that is none.
  """
  found = {
    split: path
    for split, name in files.items()
    for path in (folder / name.removesuffix(".gz"), folder / name)
    if path.is_file()
  }
  if "validation" not in found:
    raise InputError(f"there is no {folder / files['validation']}")
  of = text if callable(text) else operator.itemgetter(text)
  return {
    split: [
      Pair(f"{path.name}:{number}", *_labelled(path, number, line, of, label, labels, question))
      for number, line in enumerate(jsonl.lines(path), start=1)
      if line.strip()
    ]
    for split, path in found.items()
  }


def _labelled(
  file: pathlib.Path, number: int, line: str, text: Callable[[Mapping[str, Any]], str], label: str,
  labels: Mapping[str, str], question: str,
) -> tuple[str, str, str]:  # fmt: skip
  try:
    row = json.loads(line)
    said, read = str(row[label]), text(row)
  except KeyError as error:
    raise InputError(f"{file}:{number} has no field {error}; mend the line") from error
  except (ValueError, TypeError) as error:
    raise InputError(f"{file}:{number} is no JSON object ({error}); mend the line") from error
  if said not in labels:
    near = suggestion(said, labels)
    raise InputError(
      f"{file}:{number} has the label {said!r}{near}; the labels are {', '.join(labels)}"
    )
  return read, question, f" {labels[said]}"
