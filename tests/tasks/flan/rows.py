"""Rows as TFDS would hand them on, made of what it says of a data set; and files of them."""

import json
import pathlib

import numpy as np

from tasks.flan import dataset, sources
from tasks.flan.dataset import Dataset


def row(features, number: int) -> dict:
  return {key: fake(of, key, number) for key, of in features.items()}


def fake(feature, name: str, number: int):
  """A value of this feature; of labels there is every one."""
  kind = type(feature).__name__
  if kind in ("FeaturesDict", "Translation"):
    return {key: fake(of, key, number) for key, of in feature.items()}
  if kind == "Sequence":
    inner = feature.feature
    if type(inner).__name__ == "FeaturesDict":
      return {key: listed(of, key, number) for key, of in inner.items()}
    return listed(inner, name, number)
  if kind == "ClassLabel":
    return np.int64(number % feature.num_classes)
  dtype = np.dtype(feature.np_dtype)
  if kind == "Text" or dtype.kind in "OSU":
    return f"{name} {number}.".encode()
  return dtype.type(0)


def listed(feature, name: str, number: int):
  return np.array([fake(feature, f"{name} {letter}", number) for letter in "ab"])


def write(root: pathlib.Path, name: str, *, train: int = 6, validation: int = 4) -> None:
  """Files of a data set's examples under its own field names, as a user would bring them."""
  one: Dataset = dataset.load()[name]
  folder = root / "flan" / name
  folder.mkdir(parents=True)
  for split, count in {"train": train, "validation": validation}.items():
    rows = [_row(one, f"{split} {number}", number) for number in range(count)]
    (folder / f"{split}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def _row(one: Dataset, told: str, number: int) -> dict:
  assert not one.adapt, f"{one.name} has rows of its own"
  row = {place: f"{one.name} {name} of {told}" for name, place in one.fields.items()}
  if one.answer:
    return row | {one.answer: f"answer of {told}"}
  if one.labels:
    return row | {one.label: [*one.labels][number % len(one.labels)]}
  if isinstance(one.options, str):
    row[one.options] = [f"first of {told}", f"second of {told}"]
  else:
    row |= {name: f"{name} of {told}" for name in one.options}
  labels = [*one.index] or ["0", "1"]
  return row | {one.label: labels[number % 2]}


def examples(name: str) -> dict[str, list[sources.Example]]:
  return sources.examples(dataset.load()[name])
