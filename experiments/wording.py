"""How a report puts numbers into words: cells of its tables and sentences, by rule.

Nothing is called significant.  A sentence names the interval, its level and what was drawn again.
"""

from collections.abc import Mapping

UNKNOWN = "—"


def answer(comparison: Mapping, metric: Mapping) -> str:
  """On held-out code the prefix arm needs 0.0500 bits per byte more than the causal arm (...)."""
  name, arm, baseline = comparison["metric"], comparison["arm"], comparison["baseline"]
  # "held-out code, bits per byte of ..." names its subject first; other descriptions may not.
  subject = metric["description"].split(",")[0]
  opening = f"On {subject}" if subject.startswith("held-out") else f"By {name}"
  unit = name.split("/")[-1].replace("_", " ")
  verb = "needs" if metric["better"] == "lower" else "reaches"
  difference = comparison["difference"]
  if difference is None:
    return f"{opening} the {arm} and {baseline} arms could not be compared."
  said = (
    f"as many {unit} as"
    if difference == 0
    else f"{number(abs(difference))} {unit} {'more' if difference > 0 else 'less'} than"
  )
  return (
    f"{opening} the {arm} arm {verb} {said} the {baseline} arm (arm minus baseline, "
    f"{percent(comparison)} over {items(comparison)}: "
    f"{span(comparison['interval_items'])}; over {seeds(comparison)}: "
    f"{span(comparison['interval_seeds'])})."
  )


def verdict(comparison: Mapping) -> str:
  """Where zero lies, and what that leaves open."""
  over_items = _side_of_zero(comparison["interval_items"])
  over_seeds = _side_of_zero(comparison["interval_seeds"])
  level, drawn, trained = percent(comparison), items(comparison), seeds(comparison)
  noun = f"{comparison['items']}s"
  said = [
    f"zero lies {over_items} the {level} interval over {drawn}"
    if over_items
    else f"{drawn} cannot give an interval",
    f"{over_seeds} that over {trained}"
    if over_items and over_seeds
    else f"zero lies {over_seeds} the {level} interval over {trained}"
    if over_seeds
    else f"{trained} cannot give an interval",
  ]
  match over_items, over_seeds:
    case "outside", "outside":
      rest = f"neither other {noun} nor other trainings are likely to turn the sign"
    case "outside", _:
      rest = f"other {noun} would likely agree for these trained models, other trainings may not"
    case _, "outside":
      rest = f"other trainings would likely agree on these {noun}, other {noun} may not"
    case _:
      rest = "the sign is not settled"
  pair = f"{comparison['arm']} - {comparison['baseline']}, {comparison['metric']}"
  return f"{pair}: {' and '.join(said)}; {rest}."


def difference_row(comparison: Mapping) -> list[str]:
  """Cells of the paired difference, its mean and its three intervals."""
  level = percent(comparison)
  return [
    f"{comparison['arm']} - {comparison['baseline']}, {comparison['metric']}",
    number(comparison["difference"], signed=True),
    f"{level}: {span(comparison['interval_items'])} ({items(comparison)})",
    f"{level}: {span(comparison['interval_seeds'])} ({seeds(comparison)})",
    f"{level}: {span(comparison['interval'])}",
  ]


def measured(value: Mapping | None) -> str:
  """2.3100 ± 0.0100, or the mean alone where one seed has no spread."""
  if value is None or value["mean"] is None:
    return UNKNOWN
  if value["stderr"] is None:
    return (
      f"{number(value['mean'])} (1 seed)" if len(value["per_seed"]) == 1 else number(value["mean"])
    )
  return f"{number(value['mean'])} ± {number(value['stderr'])}"


def number(value: float | None, *, signed: bool = False) -> str:
  """Four decimals where they say something, and never a zero for what is merely small."""
  if value is None:
    return UNKNOWN
  sign = "+" if signed and value > 0 else ""
  if value != 0 and abs(value) < 0.0005:
    return f"{sign}{value:.1e}"
  return f"{sign}{value:,.1f}" if abs(value) >= 1000 else f"{sign}{value:.4f}"


def count(value: int | None) -> str:
  return UNKNOWN if value is None else f"{value:,}"


def span(interval: tuple[float, float] | None) -> str:
  if interval is None:
    return "unknown"
  return f"{number(interval[0], signed=True)} to {number(interval[1], signed=True)}"


def percent(comparison: Mapping) -> str:
  return f"{100 * comparison['level']:g}%"


def items(comparison: Mapping) -> str:
  return plural(comparison["num_items"], comparison["items"])


def seeds(comparison: Mapping) -> str:
  return plural(len(comparison["per_seed"]), "seed")


def plural(n: int, noun: str) -> str:
  return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def _side_of_zero(interval: tuple[float, float] | None) -> str | None:
  if interval is None:
    return None
  return "outside" if interval[0] > 0 or interval[1] < 0 else "inside"
