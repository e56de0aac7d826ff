"""A line, a row or an example as a raw document, whatever its fields are called."""

from typing import Any

from codegen_jax.data import jsonl
from codegen_jax.prepare.document import Drop, Raw
from codegen_jax.prepare.parts import Reading

LANGUAGES = ("lang", "language")
LICENSES = ("max_stars_repo_licenses", "licenses", "license")


def of_fields(
  told: dict[str, Any], place: str, size: int, reading: Reading
) -> Raw | tuple[str, Drop, int]:
  for field in reading.text:
    if isinstance(told.get(field), str | bytes):
      path = jsonl.path(told) or place
      licenses = next(filter(None, (_listed(told.get(f)) for f in LICENSES)), ())
      language = next((told[f] for f in LANGUAGES if isinstance(told.get(f), str)), "")
      return Raw(path, told[field], licenses, language)
  return place, Drop("no text field"), size


def _listed(value: Any) -> tuple[str, ...]:
  if isinstance(value, str):
    return (value,) if value else ()
  return tuple(item for item in value if isinstance(item, str)) if isinstance(value, list) else ()
