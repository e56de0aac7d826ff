"""A line or a row as a document: which of its fields are the text, the path, the licences."""

from typing import Any

from codegen_jax.data import jsonl
from codegen_jax.prepare.document import Drop, Raw
from codegen_jax.prepare.reading import Reading

LANGUAGE_FIELDS = ("lang", "language")
LICENSE_FIELDS = ("max_stars_repo_licenses", "licenses", "license")


def raw(
  told: dict[str, Any], place: str, size: int, reading: Reading
) -> Raw | tuple[str, Drop, int]:
  for field in reading.text:
    if isinstance(told.get(field), str | bytes):
      path = jsonl.path(told) or place
      licenses = next(filter(None, (_listed(told.get(f)) for f in LICENSE_FIELDS)), ())
      language = next((told[f] for f in LANGUAGE_FIELDS if isinstance(told.get(f), str)), "")
      return Raw(path, told[field], licenses, language)
  return place, Drop("no text field"), size


def _listed(value: Any) -> tuple[str, ...]:
  if isinstance(value, str):
    return (value,) if value else ()
  return tuple(item for item in value if isinstance(item, str)) if isinstance(value, list) else ()


def names(reading: Reading) -> set[str]:
  """All that `raw` asks for."""
  asked = (reading.text, LANGUAGE_FIELDS, LICENSE_FIELDS, jsonl.PATHS, jsonl.REPOSITORIES)
  return {name for fields in asked for name in fields}
