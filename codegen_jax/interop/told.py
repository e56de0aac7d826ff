"""A config.json of theirs, asked for one thing at a time."""

from collections.abc import Mapping
import json
import pathlib
from typing import Any

from codegen_jax.errors import InputError


class Told:
  """What it says; what is missing or of another type is a sentence."""

  def __init__(self, path: pathlib.Path):
    self.path = path
    try:
      self.values: Mapping[str, Any] = json.loads(path.read_text("utf-8"))
    except OSError as error:
      raise InputError(
        f"{path} cannot be read ({error.strerror}); a folder is needed as save_pretrained writes it"
      ) from error
    except ValueError as error:
      raise InputError(f"{path} is no JSON ({error}); fetch it again") from error
    if not isinstance(self.values, dict):
      raise InputError(f"{path} is no JSON object; fetch it again")

  def size(self, name: str, default: int | None = None) -> int:
    """A number of things."""
    found = self.values.get(name, default)
    if not isinstance(found, int) or isinstance(found, bool) or found < 1:
      raise InputError(f"{name} in {self.path} is {found!r} and must be a whole number from 1 on")
    return found

  def number(self, name: str, default: float) -> float:
    found = self.values.get(name, default)
    if not isinstance(found, int | float):
      raise InputError(f"{name} in {self.path} is {found!r} and must be a number")
    return float(found)

  def must_be(self, name: str, *wanted: Any) -> None:
    """Refuses what our block does not compute; what is not said is the first of `wanted`."""
    found = self.values.get(name, wanted[0])
    if found not in wanted:
      raise InputError(
        f"{name} in {self.path} is {found!r}, and models here have {wanted[0]!r}: its weights would"
        " mean something else"
      )
