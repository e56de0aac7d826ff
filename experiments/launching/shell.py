"""Words -> a line of a shell that says them, whatever is in them."""

from collections.abc import Iterable, Mapping
import shlex

WIDTH = 100


def command(*words: str) -> str:
  """Quoted; a long one has a line for each flag."""
  quoted = [shlex.quote(word) for word in words]
  line = " ".join(quoted)
  if len(line) <= WIDTH:
    return line
  first = next((i for i, word in enumerate(words) if word.startswith("--")), len(words))
  lines = [" ".join(quoted[:first])]
  for word, said in zip(words[first:], quoted[first:], strict=True):
    if word.startswith("-"):
      lines.append(f"  {said}")
    else:
      lines[-1] += f" {said}"
  return " \\\n".join(lines)


def is_plain(line: str) -> bool:
  """Whether it is one command, without pipes, redirections or variables."""
  return line == command(*shlex.split(line))


def unless(known: str, otherwise: str) -> str:
  """The second command where the first one fails; what the first says is of no interest."""
  return f"{known} >/dev/null 2>&1 || {otherwise}"


def function(name: str, line: str) -> list[str]:
  """A command under a name, for a script that runs it within others."""
  return [f"{name}() {{", *(f"  {one}" for one in line.splitlines()), "}"]


def exports(variables: Mapping[str, str]) -> list[str]:
  return [f"export {name}={shlex.quote(value)}" for name, value in variables.items()]


def script(*lines: str, strict: str = "set -euo pipefail") -> str:
  """A bash script of these lines."""
  return "\n".join(["#!/usr/bin/env bash", strict, *lines]) + "\n"


def here(name: str, lines: Iterable[str]) -> str:
  """Writes a file from within a script; nothing in it is expanded."""
  text = list(lines)
  end = "END"
  while end in text:
    end += "_"
  return "\n".join([f"cat > {shlex.quote(name)} <<'{end}'", *text, end])
