"""Results that are committed: results/<experiment>.<scale>.json, a report's numbers without bulk.

What is the same for all arms is left out, and so is where on a machine the runs were.
"""

from collections.abc import Iterator, Mapping, Sequence
import json
import pathlib
import re
from typing import Any

from codegen_jax.errors import InputError
from experiments import experiment

MOST_ENTRIES = 20  # of a count of answers
FOLDER = experiment.ROOT / "results"
# /home/me/runs/trained/a, but neither https://a/b nor a/b nor the / of "and/or".
PATH = re.compile(r"(?<![\w.:/~-])~?/(?:[^\s/'\",;]+/)+[^\s'\",;]*")


def path(folder: pathlib.Path, name: str, scale: str) -> pathlib.Path:
  return folder / f"{name}.{scale}.json"


def slim(content: Mapping[str, Any]) -> dict[str, Any]:
  """What is kept of a report's results.json.

  A `+` after a commit says that files differed from it: then nobody can make these numbers again
  with that commit alone, and `uncommitted_changes` is true.
  """
  environment = {key: v for key, v in content["environment"].items() if key != "command"}
  commits = content.get("training", {}).get("commits") or [environment.get("commit")]
  differing = different_settings(content["arms"])
  arms = {name: _slim(arm, differing) for name, arm in content["arms"].items()}
  told = {
    "kept": "config holds what differs between the arms",
    "uncommitted_changes": any(commit is None or str(commit).endswith("+") for commit in commits),
  }
  corpus = _short(content["corpus"])
  return _anywhere(
    told | dict(content) | {"arms": arms, "corpus": corpus, "environment": environment}
  )


def different_settings(arms: Mapping[str, Mapping[str, Any]]) -> list[str]:
  """The settings in which the arms' configs differ, in their order."""
  configs = [settings(arm) for arm in arms.values()]
  keys = dict.fromkeys(key for config in configs for key in config)
  return [key for key in keys if len({json.dumps(config.get(key)) for config in configs}) > 1]


def settings(arm: Mapping[str, Any]) -> dict[str, Any]:
  """All of an arm's, those of a run that begins with its weights by that run's name."""
  found = dict(arm["config"])
  for name, run in tuned(arm).items():
    found |= {f"{name}: {key}": value for key, value in run["config"].items()}
  return found


def tuned(arm: Mapping[str, Any]) -> Mapping[str, Mapping[str, Any]]:
  """The runs that begin with its weights; results of an older version do not tell of them."""
  return arm.get("tuned", {})


def _slim(arm: Mapping[str, Any], differing: Sequence[str]) -> dict[str, Any]:
  """The arm with no more settings than those."""

  def of(run: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    kept = {key: value for key, value in run["config"].items() if prefix + key in differing}
    return {**run, "config": kept}

  after = {name: of(run, f"{name}: ") for name, run in tuned(arm).items()}
  return of(arm) | ({"tuned": after} if after else {})


def _short(value: Any) -> Any:
  """The same with the number of what is long: of a hundred answers that are no classes."""
  if not isinstance(value, Mapping):
    return value
  return {
    key: f"{len(one)} different"
    if isinstance(one, Mapping) and len(one) > MOST_ENTRIES
    else _short(one)
    for key, one in value.items()
  }


def read(file: pathlib.Path) -> dict[str, Any]:
  """A file of results, kept or not.

  Raises:
    InputError: it holds something else.
  """
  try:
    content = json.loads(file.read_text())
    _ = content["experiment"], content["scale"], content["arms"], content["findings"]
  except (ValueError, KeyError, TypeError) as error:
    raise InputError(
      f"{file} holds no experiment's results ({type(error).__name__}: {error}); make them again"
      " with python -m experiments.report NAME --keep, or take the file away"
    ) from error
  return content


def all_in(folder: pathlib.Path) -> Iterator[dict[str, Any]]:
  """What a folder of kept results has."""
  for file in sorted(folder.glob("*.json")):
    content = read(file)
    if file.name != path(folder, content["experiment"], content["scale"]).name:
      raise InputError(
        f"{file} holds results of {content['experiment']} ({content['scale']}), which its name does"
        " not say; call it by them"
      )
    yield content


def _anywhere(value: Any) -> Any:
  """The same without a machine's folders: /home/me/runs/trained/a is runs/trained/a."""
  if isinstance(value, Mapping):
    return {_anywhere(key): _anywhere(item) for key, item in value.items()}
  if isinstance(value, list):
    return [_anywhere(item) for item in value]
  if isinstance(value, str):
    return PATH.sub(_relative, value)
  return value


def _relative(found: re.Match[str]) -> str:
  parts = [part for part in found[0].split("/") if part]
  here = found[0].removeprefix(f"{experiment.ROOT}/")
  if here != found[0]:
    return here
  return "/".join(parts[parts.index("runs") :]) if "runs" in parts else parts[-1]
