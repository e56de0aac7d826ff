"""Where the rows of a data set are, and the examples that they make.

The first that is there: $CODEGEN_JAX_BENCHMARKS/flan/<name>/train.jsonl and validation.jsonl, with
TFDS's fields; the published files that datasets/<name>.yaml names; what TFDS has prepared before.
"""

from collections.abc import Iterable, Iterator, Mapping
import csv
import dataclasses
import hashlib
import heapq
import itertools
import json
import os
import pathlib
from typing import Any

from codegen_jax.data import jsonl, order
from codegen_jax.data.corpus import SPLITS
from codegen_jax.did_you_mean import suggestion
from codegen_jax.errors import InputError
from tasks.classification import BENCHMARKS
from tasks.flan import prepared
from tasks.flan.adapters import ADAPTERS
from tasks.flan.dataset import Dataset

MOST_TRAINED = 30_000  # examples of a data set, as the paper has it
MOST_MEASURED = 2_000  # this project's own choice
HELD_OUT_EVERY = 10

Row = Mapping[str, Any]


@dataclasses.dataclass(frozen=True)
class Example:
  """Options where an answer is one of several; then the answer is among them."""

  path: str
  fields: Mapping[str, str]
  answer: str
  options: tuple[str, ...] = ()

  @property
  def content(self) -> str:
    """A hash of what is asked, whatever data set it stands in and in whatever words."""
    said = sorted(" ".join(value.lower().split()) for value in self.fields.values())
    return hashlib.sha256("\0".join(said).encode()).hexdigest()


def is_here(dataset: Dataset) -> bool:
  return bool(_files(dataset)) or prepared.is_here(dataset.tfds)


def fingerprint(dataset: Dataset) -> str:
  """Changes with the rows; reads files, and of TFDS what it says of itself."""
  files = _files(dataset)
  if files:
    hashes = [hashlib.sha256(file.read_bytes()).hexdigest() for file in _all(files)]
    return " ".join(hashes)
  _need(dataset)
  return prepared.fingerprint(dataset.tfds)


def examples(dataset: Dataset) -> dict[str, list[Example]]:
  """Of both splits; of a data set that nobody trains on, what is measured alone.

  Without a file of one of the two, a tenth of the other is held out.

  Raises:
    InputError: the data set is not here, or a row is not what its file says.
  """
  files = _files(dataset)
  if not files:
    _need(dataset)
  rows = {split: _rows(dataset, files, split) for split in SPLITS}
  found = {
    split: [one for one in (_example(dataset, split, n, row) for n, row in of) if one is not None]
    for split, of in rows.items()
  }
  if not dataset.trained:
    found.pop("train")
  elif not all(found.values()):
    every = [one for of in found.values() for one in of]
    held = {one.path for one in every if not order.stable_hash(one.content) % HELD_OUT_EVERY}
    found = {
      "train": [one for one in every if one.path not in held],
      "validation": [one for one in every if one.path in held],
    }
  most = {"train": MOST_TRAINED, "validation": MOST_MEASURED}
  return {
    split: heapq.nsmallest(most[split], of, key=lambda one: order.stable_hash(one.path))
    for split, of in found.items()
  }


def _example(dataset: Dataset, split: str, number: int, row: Row) -> Example | None:
  path = f"{dataset.name}/{split}:{number}"
  try:
    row = ADAPTERS[dataset.adapt](row) if dataset.adapt else row
    if dataset.skip and str(row[dataset.label]) in dataset.skip:
      return None
    fields = {name: str(_at(row, of)) for name, of in dataset.fields.items()} | dict(dataset.words)
    if dataset.answer:
      return Example(path, fields, str(_at(row, dataset.answer)))
    said = str(row[dataset.label])
    if dataset.labels:
      options, right = tuple(dict.fromkeys(dataset.labels.values())), dataset.labels.get(said)
    else:
      options = _options(dataset, row)
      right = options[dataset.index[said] if dataset.index else _number(said, options)]
  except InputError as error:
    raise InputError(f"{path}: {error}; mend the row") from error
  except (KeyError, IndexError, TypeError, ValueError) as error:
    raise InputError(
      f"{path} is not as datasets/{dataset.name}.yaml says ({type(error).__name__}: {error}); its"
      f" row is {str(row)[:200]}"
    ) from error
  if right is None:
    near = suggestion(said, dataset.labels)
    raise InputError(f"{path} has the label {said!r}{near}; name it in labels or in skip")
  return Example(path, fields, right, options)


def _options(dataset: Dataset, row: Row) -> tuple[str, ...]:
  of = dataset.options
  told = _at(row, of) if isinstance(of, str) else [_at(row, one) for one in of]
  return tuple(map(str, told))


def _number(said: str, options: tuple[str, ...]) -> int:
  number = int(said)
  if not 0 <= number < len(options):
    raise ValueError(f"{number} is none of {len(options)} options")
  return number


def _at(row: Any, place: str) -> Any:
  """row["a"]["b"][0] for "a.b.0"."""
  for name in place.split("."):
    row = row[int(name)] if isinstance(row, list) else row[name]
  return row


def _rows(
  dataset: Dataset, files: Mapping[str, list[pathlib.Path]], split: str
) -> Iterable[tuple[int, Row]]:
  if not files:
    name = dataset.split(split)
    most = MOST_TRAINED if split == "train" else None
    return enumerate(prepared.rows(dataset.tfds, name, most) if name else ())
  return enumerate(_of_files(files[split]), start=1) if split in files else ()


def _of_files(files: list[pathlib.Path]) -> Iterator[Row]:
  """Rows of the first file, with labels of the second one where there is one."""
  first, *labels = files
  if first.suffix == ".tsv":
    with first.open(encoding="utf-8", newline="") as lines:
      for row in csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE):
        names = ("question", "answer", "rationale")
        yield {n: v.replace("\\n", "\n") for n, v in zip(names, row, strict=False)}
    return
  try:
    rows = [json.loads(line) for line in jsonl.lines(first) if line.strip()]
  except ValueError as error:
    raise InputError(f"{first} cannot be read ({error}); get it anew") from error
  if not labels:
    yield from rows
    return
  told = labels[0].read_text().split()
  if len(told) != len(rows):
    raise InputError(f"{first} has {len(rows)} rows and {labels[0]} {len(told)}; get both anew")
  yield from ({**row, "label": label} for row, label in zip(rows, told, strict=True))


def _files(dataset: Dataset) -> dict[str, list[pathlib.Path]]:
  """Those of each split that are there, the user's own before the published ones."""
  if not os.environ.get(BENCHMARKS):
    return {}
  root = pathlib.Path(os.environ[BENCHMARKS]).expanduser()
  own = {split: [f"flan/{dataset.name}/{split}.jsonl"] for split in SPLITS}
  published = {
    split: [names] if isinstance(names, str) else [*names] for split, names in dataset.files.items()
  }
  for told in (own, published):
    places = {split: [root / name for name in names] for split, names in told.items()}
    found = {split: of for split, of in places.items() if all(file.is_file() for file in of)}
    if found:
      return found
  return {}


def _all(files: Mapping[str, list[pathlib.Path]]) -> Iterator[pathlib.Path]:
  return itertools.chain.from_iterable(files[split] for split in sorted(files))


def _need(dataset: Dataset) -> None:
  """Raises InputError where TFDS has not prepared it."""
  if prepared.is_here(dataset.tfds):
    return
  raise InputError(
    f"the data set {dataset.name} is not on this machine; "
    + (f"prepare {dataset.tfds} with TFDS in {prepared.folder()}, or " if dataset.tfds else "")
    + f"set {BENCHMARKS} to a folder that has flan/{dataset.name}/train.jsonl and validation.jsonl"
    + (f" or {', '.join(map(str, dataset.files.values()))}" if dataset.files else "")
  )
