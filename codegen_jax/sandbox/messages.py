"""How a parent and a worker talk over a pipe: a length, and so many bytes of JSON."""

import json
import os
from typing import Any


class Gone(Exception):  # noqa: N818 (an event, not an error)
  """There is nobody at the other end of the pipe."""


def send(pipe: int, message: Any) -> None:
  text = json.dumps(message).encode()
  rest = memoryview(len(text).to_bytes(4, "big") + text)
  try:
    while rest:
      rest = rest[os.write(pipe, rest) :]
  except BrokenPipeError as error:
    raise Gone from error


def receive(pipe: int) -> Any:
  return json.loads(_read(pipe, int.from_bytes(_read(pipe, 4), "big")))


def _read(pipe: int, size: int) -> bytes:
  parts = []
  while size:
    part = os.read(pipe, min(size, 2**20))
    if not part:
      raise Gone
    parts.append(part)
    size -= len(part)
  return b"".join(parts)


def decode(text: bytes | str) -> Any:
  return json.loads(text)
