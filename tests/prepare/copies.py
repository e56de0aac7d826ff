"""Files and copies of them that were changed a little, as people change them.

python -m tests.prepare.copies     what is found of them, by kind and by how alike they are
"""

import dataclasses
import functools
import inspect
import random
import re

import numpy as np

from codegen_jax.prepare import dedup, words
from codegen_jax.prepare.minhash import NearDuplicates

_SOURCES = [
  "argparse",
  "ast",
  "base64",
  "bisect",
  "calendar",
  "cmd",
  "code",
  "codecs",
  "collections",
  "configparser",
  "contextlib",
  "copy",
  "csv",
  "dataclasses",
  "datetime",
  "difflib",
  "dis",
  "doctest",
  "enum",
  "fileinput",
  "fnmatch",
  "fractions",
  "ftplib",
  "functools",
  "getopt",
  "gettext",
  "glob",
  "graphlib",
  "gzip",
  "heapq",
  "imaplib",
  "inspect",
  "ipaddress",
  "linecache",
  "locale",
  "lzma",
  "mailbox",
  "mimetypes",
  "netrc",
  "ntpath",
  "numbers",
  "opcode",
  "optparse",
  "pdb",
  "pickle",
  "pickletools",
  "platform",
  "plistlib",
  "poplib",
  "posixpath",
  "pprint",
  "profile",
  "pstats",
  "queue",
  "quopri",
  "random",
  "reprlib",
  "rlcompleter",
  "runpy",
  "sched",
  "secrets",
  "selectors",
  "shelve",
  "shlex",
  "shutil",
  "smtplib",
  "socket",
  "socketserver",
  "statistics",
  "string",
  "stringprep",
  "subprocess",
  "symtable",
  "tabnanny",
  "tarfile",
  "telnetlib",
  "tempfile",
  "textwrap",
  "threading",
  "timeit",
  "token",
  "tokenize",
  "trace",
  "traceback",
  "tracemalloc",
  "turtle",
  "types",
  "typing",
  "uuid",
  "warnings",
  "wave",
  "weakref",
]
KINDS = ("comments", "reordered", "renamed")


@dataclasses.dataclass(frozen=True)
class Copies:
  """Texts: each original is followed by its copy of every kind."""

  texts: list[str]
  pairs: set[tuple[int, int]]  # all that have one origin

  def recall(self, got: set[tuple[int, int]]) -> dict[str, float]:
    """The share of copies that are found beside their original."""
    step = 1 + len(KINDS)
    originals = range(0, len(self.texts), step)
    return {
      kind: sum((i, i + k) in got for i in originals) / len(originals)
      for k, kind in enumerate(KINDS, 1)
    }


def make(count: int, seed: int) -> Copies:
  rng = random.Random(seed)
  texts, pairs = [], set()
  for name in rng.sample(_SOURCES, count):
    text = inspect.getsource(__import__(name, fromlist=["*"]))
    start = len(texts)
    texts += [text, _comments(text, rng), _reordered(text, rng), _renamed(text, rng)]
    family = range(start, len(texts))
    pairs |= {(i, j) for i in family for j in family if i < j}
  return Copies(texts, pairs)


def _comments(text: str, rng: random.Random) -> str:
  """Every comment says something else, and there is a licence on top."""
  return "# Copyright of somebody, all rights are reserved by them.\n" + re.sub(
    r"(?m)^(\s*)#.*$", lambda m: f"{m[1]}# remark {rng.randrange(10**6)}", text
  )


def _reordered(text: str, rng: random.Random) -> str:
  """Functions and classes of the first level stand in another order."""
  blocks = re.split(r"(?m)^(?=(?:def|class) )", text)
  rest = blocks[1:]
  rng.shuffle(rest)
  return blocks[0] + "".join(rest)


def _renamed(text: str, rng: random.Random) -> str:
  """Two names of the middle of the list by frequency are called otherwise."""
  names = re.findall(r"\b[a-z_]{4,}\b", text)
  common = sorted({*names}, key=lambda name: (-names.count(name), name))
  for name in rng.sample(common[5:60] or common, 2):
    text = re.sub(rf"\b{name}\b", f"other_{rng.randrange(1000)}", text)
  return text


def found(texts: list[str], near: NearDuplicates) -> set[tuple[int, int]]:
  read = words.words(texts)
  signed, places = near.signatures(read), np.flatnonzero(near.comparable(read))
  rows = dedup.hashed(near.band_hashes(signed[places]).ravel(),
                      dedup.refs(0, places).repeat(near.bands))  # fmt: skip
  pairs = dedup.pairs(rows)
  ends = signed.astype(np.uint16)
  low, high = dedup.place_of(pairs["low"]), dedup.place_of(pairs["high"])
  kept = dedup.alike(ends[low], ends[high], near.threshold)
  return {*zip(low[kept].tolist(), high[kept].tolist(), strict=True)}


@functools.cache
def runs(text: str) -> frozenset[int]:
  return frozenset(words.grams(words.words([text]).hashes, 5).tolist())


def jaccard(texts: list[str], i: int, j: int) -> float:
  first, second = runs(texts[i]), runs(texts[j])
  return len(first & second) / len(first | second)


def _show(near: NearDuplicates) -> None:
  made = make(80, seed=0)
  got = found(made.texts, near)
  alike = {pair: jaccard(made.texts, *pair) for pair in made.pairs | got}
  print(f"precision {len(got & made.pairs) / len(got):.3f} of {len(got)} pairs found")
  for kind, share in made.recall(got).items():
    print(f"recall of {kind:10} {share:.3f}")
  for low, high in ((0.0, 0.5), (0.5, 0.6), (0.6, 0.7), (0.7, 0.75), (0.75, 0.8), (0.8, 1.01)):
    bin_ = {pair for pair, similarity in alike.items() if low <= similarity < high}
    print(f"found of the {len(bin_):3} that share {low:.2f} to {min(high, 1):.2f} of their runs:"
          f" {len(bin_ & got) / max(len(bin_), 1):.3f}")  # fmt: skip


if __name__ == "__main__":
  from codegen_jax import config as gin_config
  from codegen_jax.prepare.command import DEFAULT
  from codegen_jax.prepare.settings import PrepareConfig

  config = gin_config.load(PrepareConfig, [DEFAULT]).config
  assert config.near
  _show(config.near)
