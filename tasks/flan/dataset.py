"""Data sets as datasets/<name>.yaml tells them, in the words of forms/<form>.yaml.

title      what people call it
clusters   kinds of task that it belongs to
form       of its templates; or `templates:` and the `inputs:` they name, in its own file
tfds       its name in TFDS; `splits:` where those are not train and validation
             train: null         nobody is to train on it
             validation: null    a tenth of train is held out
files      of each split, below $CODEGEN_JAX_BENCHMARKS
adapt      function of adapters.py that each row passes first
fields     {premise: a.b.0}, where a field is not called as the templates call it
words      fields that are the same in every row
labels     what rows say -> what a model says; `label:` is where, if not in "label"
options    field of a list of answers, or fields of an answer each; `index:` {B: 1} reads the label
answer     field of an answer that is free text
skip       labels whose rows are left out
extra      true of what is not among the paper's data sets
"""

from collections.abc import Mapping, Sequence
import dataclasses
import functools
import hashlib
import pathlib
from typing import Any

import yaml

from codegen_jax.data import templates
from codegen_jax.data.templates import Template
from codegen_jax.did_you_mean import suggestion
from codegen_jax.errors import InputError
from tasks.flan.adapters import ADAPTERS

FOLDER = pathlib.Path(__file__).parent
MOST = 10  # templates


@dataclasses.dataclass(frozen=True)
class Dataset:
  """One file of datasets/."""

  name: str
  title: str
  clusters: tuple[str, ...]
  templates: tuple[Template, ...]
  inputs: tuple[str, ...]  # fields, as they stand where there are no instructions
  fields: Mapping[str, str]
  words: Mapping[str, str] = dataclasses.field(default_factory=dict)
  tfds: str = ""
  splits: Mapping[str, str | None] = dataclasses.field(default_factory=dict)
  files: Mapping[str, str | Sequence[str]] = dataclasses.field(default_factory=dict)
  adapt: str = ""
  label: str = "label"
  labels: Mapping[str, str] = dataclasses.field(default_factory=dict)
  options: str | Sequence[str] = ()
  index: Mapping[str, int] = dataclasses.field(default_factory=dict)
  answer: str = ""
  skip: tuple[str, ...] = ()
  extra: bool = False
  told: str = ""  # changes with anything in its files

  @property
  def chooses(self) -> bool:
    """Whether an answer is one of several."""
    return not self.answer

  @property
  def trained(self) -> bool:
    """Whether a model may be trained on it."""
    return self.split("train") is not None

  def split(self, name: str) -> str | None:
    """What TFDS calls a split."""
    return self.splits.get(name, name)


@functools.cache
def load() -> dict[str, Dataset]:
  """All of them, by name."""
  return {file.stem: read(file) for file in sorted((FOLDER / "datasets").glob("*.yaml"))}


def read(file: pathlib.Path) -> Dataset:
  """One of them.

  Raises:
    InputError: the file is not as it should be, or a template names a field that is none.
  """
  told, hashed = _yaml(file), file.read_text()
  if form := told.pop("form", None):
    other = FOLDER / "forms" / f"{form}.yaml"
    if not other.is_file():
      near = suggestion(form, (one.stem for one in other.parent.glob("*.yaml")))
      raise InputError(f"{file} has the form {form!r}, which is none{near}")
    words = _yaml(other)
    hashed += other.read_text()
    told = {"inputs": words["fields"], "templates": words["templates"], **told}
  _check_keys(file, told)
  inputs = tuple(told.pop("inputs"))
  made = tuple(
    Template(**one) if isinstance(one, dict) else Template(one) for one in told.pop("templates")
  )
  templates.check(str(file), made, (*inputs, *told.get("words", {})))
  if not 1 <= len(made) <= MOST:
    raise InputError(f"{file} has {len(made)} templates; give 1 to {MOST}")
  rest: dict[str, Any] = {
    key: tuple(value) if key in ("clusters", "skip") else value for key, value in told.items()
  }
  rest["fields"] = {name: name for name in inputs} | told.get("fields", {})
  digest = hashlib.sha256(hashed.encode()).hexdigest()
  return Dataset(name=file.stem, templates=made, inputs=inputs, told=digest, **rest)


def _check_keys(file: pathlib.Path, told: Mapping[str, Any]) -> None:
  known = {field.name for field in dataclasses.fields(Dataset)} - {"name", "told"}
  for key in told:
    if key not in known:
      raise InputError(f"{file} has the key {key!r}, which is none{suggestion(key, known)}")
  for key in ("title", "clusters", "templates", "inputs"):
    if key not in told:
      raise InputError(f"{file} lacks {key!r}; {FOLDER / 'dataset.py'} tells what it means")
  if sum(bool(told.get(key)) for key in ("labels", "options", "answer")) != 1:
    raise InputError(f"{file} must have one of labels, options and answer")
  if told.get("adapt") and told["adapt"] not in ADAPTERS:
    near = suggestion(told["adapt"], ADAPTERS)
    raise InputError(f"{file} has adapt: {told['adapt']}, which is no function{near}")


def _yaml(file: pathlib.Path) -> dict[str, Any]:
  try:
    told = yaml.safe_load(file.read_text())
  except yaml.YAMLError as error:
    raise InputError(f"{file} is no YAML ({error}); mend it") from error
  if not isinstance(told, dict):
    raise InputError(f"{file} holds no keys with values; mend it")
  return told
