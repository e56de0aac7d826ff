"""Which files an --input means: a folder, a glob, a file."""

import re

from codegen_jax.errors import InputError
from codegen_jax.prepare import languages, storage
from codegen_jax.prepare.storage import Path

LINES = (".jsonl", ".jsonl.gz", ".jsonl.zst", ".json.gz")
PARQUET = (".parquet",)
_HIDDEN = "."


def found(pattern: str) -> tuple[str, list[str]]:
  """Files by a folder or a glob, sorted; hidden ones and links to folders are left out."""
  path = Path(pattern).expanduser()
  if "*" not in pattern and "?" not in pattern and "[" not in pattern:
    if path.is_file():
      return str(path.parent), [str(path)]
    if not path.is_dir():
      raise InputError(f"--input is {pattern}, and there is no such file or folder")
    root, glob = path, "**/*"
  else:
    steps = str(path).split("/")
    first = next(i for i, step in enumerate(steps) if any(sign in step for sign in "*?["))
    root, glob = Path("/".join(steps[:first]) or "/"), "/".join(steps[first:])
    if first == 0:
      root = Path()
  matches = _pattern(glob)
  files = sorted(
    str(file)
    for file in storage.files_below(root)
    if matches.fullmatch(below(file, root)) and _is_read(file, root)
  )
  if not files:
    raise InputError(f"--input is {pattern}, and no file matches it; try it with ls, in quotes")
  return str(root) if str(root) != "." else "", files


def below(file: Path, root: Path) -> str:
  return str(file)[len(str(root)) :].lstrip("/") if str(root) != "." else str(file)


def _pattern(glob: str) -> re.Pattern[str]:
  """`**/` is any number of folders, `*` and `?` stay within one name."""
  signs = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
  steps = re.split(r"(\*\*/|\*\*|\*|\?|\[[^]]+\])", glob)
  return re.compile("".join(signs.get(s, s if s[:1] == "[" else re.escape(s)) for s in steps))


def _is_read(file: Path, root: Path) -> bool:
  if any(step.startswith(_HIDDEN) for step in below(file, root).split("/")):
    return False
  known = file.name.endswith((*LINES, *PARQUET))
  extension = file.name.rpartition(".")[2].lower() if "." in file.name else ""
  return (known or extension in languages.EXTENSIONS) and file.is_file()
