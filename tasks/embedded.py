"""The two collections of documents that every machine has: nothing is downloaded.

`code` is the standard library of the running Python; `prose` is documentation installed with it
and with what this project depends on.  Folders of one's own replace them:

  CODEGEN_JAX_CODE=~/repositories  CODEGEN_JAX_PROSE=~/books  codegen-jax ...
"""

from collections.abc import Iterator
import functools
import importlib.metadata
import os
from pathlib import Path
import platform
import sysconfig

from codegen_jax.data import corpus
from codegen_jax.data.corpus import Corpus, Document
from codegen_jax.errors import InputError
from tasks import docstrings

CODE_VARIABLE = "CODEGEN_JAX_CODE"
PROSE_VARIABLE = "CODEGEN_JAX_PROSE"

NOT_CODE = (
  *("test", "tests", "idle_test"),
  *("site-packages", "dist-packages", "__pycache__"),
  *("encodings", "pydoc_data"),  # tables of characters; prose
  *("_sysconfigdata*", "config-*"),  # written when Python was built, with paths of that machine
)

# What every installation of this project brings, named one by one so that an extra installed later
# changes nothing.  Left out: tensorflow and scipy, whose docstrings (8 and 5 MB) would outweigh the
# rest, and jaxlib, whose are generated.
DISTRIBUTIONS = (
  *("absl-py", "click", "fonttools", "flax", "fsspec", "gin-config", "huggingface-hub", "jax"),
  *("jaxtyping", "keras", "matplotlib", "numpy", "optax", "optree", "orbax-checkpoint", "pillow"),
  *("pyglove", "pyparsing", "rich", "seqio", "tensorboardX", "tensorflow-datasets"),
  *("tokenizers", "tqdm", "treescope"),
)
NOT_PROSE = (
  *("test", "tests", "*_test", "test_*.py", "*_test.py", "conftest.py"),
  "_generated",  # huggingface-hub's copy of its own client, word for word
)

Distributions = dict[str, importlib.metadata.Distribution]  # by our spelling; theirs may vary


def code() -> Corpus:
  return _code(os.environ.get(CODE_VARIABLE, ""))


def prose() -> Corpus:
  return _prose(os.environ.get(PROSE_VARIABLE, ""))


@functools.cache
def _code(folder: str) -> Corpus:
  if folder:
    return _from_folder("code", folder, ("*.py",), variable=CODE_VARIABLE)
  library = sysconfig.get_paths()["stdlib"]
  return Corpus.build(
    "code",
    corpus.read_folder(library, ("*.py",), exclude=NOT_CODE),
    description="Python's standard library without tests, tables and generated files",
    version=_python(),
  )


@functools.cache
def _prose(folder: str) -> Corpus:
  if folder:
    return _from_folder("prose", folder, ("*.md", "*.rst", "*.txt"), variable=PROSE_VARIABLE)
  distributions = {name: _distribution(name) for name in DISTRIBUTIONS}
  return Corpus.build(
    "prose",
    [
      *_topics(),
      *_readmes(distributions),
      *docstrings.documents(list(_modules(distributions))),
    ],
    description=(
      "Python's help topics, and READMEs and docstrings (one document per module, "
      f"{docstrings.SHORTEST} characters or more each, no docstring twice) of packages that this "
      "project depends on"
    ),
    version="; ".join([_python(), *(f"{name} {d.version}" for name, d in distributions.items())]),
  )


def _from_folder(name: str, folder: str, patterns: tuple[str, ...], *, variable: str) -> Corpus:
  path = Path(folder).expanduser()
  try:
    return Corpus.build(
      name,
      corpus.read_folder(path, patterns),
      description=f"{' '.join(patterns)} of the folder that {variable} names",
      version=f"folder {path.resolve().name}",
    )
  except InputError as error:
    raise InputError(f"{variable}={folder}: {error}") from error


def _python() -> str:
  return f"{platform.python_implementation()} {platform.python_version()}"


def _distribution(name: str) -> importlib.metadata.Distribution:
  try:
    return importlib.metadata.distribution(name)
  except importlib.metadata.PackageNotFoundError:
    raise InputError(
      f"the prose corpus is made of installed documentation, and {name} is not installed; run "
      f"`pip install {name}`, or set {PROSE_VARIABLE} to a folder of your own"
    ) from None


def _topics() -> Iterator[Document]:
  from pydoc_data import topics  # half a megabyte, for this corpus alone

  for topic, text in topics.topics.items():
    yield Document(f"pydoc_data/{topic}", text)


def _readmes(distributions: Distributions) -> Iterator[Document]:
  for name, distribution in distributions.items():
    yield Document(f"{name}/README", distribution.metadata["Description"] or "")


def _modules(
  distributions: Distributions,
) -> Iterator[tuple[str, Path]]:
  for name, distribution in distributions.items():
    files = [file for file in distribution.files or [] if file.suffix == ".py"]
    if not files:
      raise InputError(
        f"{name} is installed without its files listed (editable?), so the prose "
        f"corpus cannot read them; run `pip install --force-reinstall {name}`"
      )
    for file in files:
      if not any(corpus.matches(part, NOT_PROSE) for part in file.parts):
        module = ".".join(file.with_suffix("").parts)
        yield f"{name}/{module}", Path(str(file.locate()))
