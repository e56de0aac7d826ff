"""Files and copies of them that were changed a little, as people change them."""

import dataclasses
import inspect
import random
import re

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
