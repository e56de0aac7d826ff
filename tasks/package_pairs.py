"""Which package is a piece of documentation from?  Asked of the embedded prose.

A piece is some five hundred characters of a docstring or a README, in which the packages' own names
are blotted out.  Pieces of held-out documents are held out.
"""

from collections.abc import Iterator, Mapping
import functools
import re

from codegen_jax.data.corpus import SPLITS
from codegen_jax.data.pairs import Pair, Pairs
from codegen_jax.errors import InputError
from tasks import embedded

FORMAT = 1  # raise it when other pairs would be made of the same prose
SHORTEST, LONGEST = 200, 600  # characters of a piece
QUESTION = "\n\nWhich package is this from?\nAnswer:"
# The largest, by what an answer calls them: each begins with a letter of its own.
PACKAGES = {
  "jax": "jax",
  "numpy": "numpy",
  "keras": "keras",
  "matplotlib": "matplotlib",
  "huggingface-hub": "hub",
  "orbax-checkpoint": "orbax",
}
LABELS = tuple(PACKAGES.values())
NAMES = re.compile(r"jax|jnp|numpy|\bnp\b|keras|matplotlib|hugging\s?face|\bhub\b|orbax", re.I)
BLOT = "___"


@functools.cache
def package() -> Pairs:
  description = "pieces of the embedded prose and the packages that they document"
  return Pairs("package", description, _pairs, _version)


def _version() -> str:
  return f"{FORMAT} {embedded.prose().fingerprint}"


def _pairs() -> Mapping[str, list[Pair]]:
  found = {split: list(_of(split)) for split in SPLITS}
  if not all(found.values()):
    raise InputError(
      f"the task package asks about documentation of {', '.join(PACKAGES)}, which the embedded"
      f" prose is made of and your own is not; unset {embedded.PROSE_VARIABLE}, or use another task"
    )
  return found


def _of(split: str) -> Iterator[Pair]:
  for document in embedded.prose().split(split):
    name = PACKAGES.get(document.path.partition("/")[0])
    if name is None:
      continue
    for number, piece in enumerate(_pieces(NAMES.sub(BLOT, document.text))):
      yield Pair(f"{document.path}#{number}", piece, QUESTION, f" {name}")


def _pieces(text: str) -> Iterator[str]:
  """Whole lines, as many as fit; what is left over and short is no piece."""
  piece = ""
  for line in text.splitlines(keepends=True):
    if len(piece) + len(line) > LONGEST and len(piece) >= SHORTEST:
      yield piece
      piece = ""
    piece = (piece + line)[:LONGEST]
  if len(piece) >= SHORTEST:
    yield piece
