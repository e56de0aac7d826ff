"""What a report's page says, as blocks: findings, tables, how it was made.

No sentence here is written for one outcome: what the page says follows from the numbers.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
import json
from typing import Any

from experiments import cost, document, kept, wording
from experiments.document import Block, Table, Text

TABLE_NOTE = "± is the standard error over seeds, around each arm by itself. "
PAIRED_NOTE = (
  "Arms share their held-out documents and their seeds, so the paired differences below compare "
  "them more sharply."
)
GROUPS_NOTE = "Arms share their seeds and no item: they are groups of what one run was asked."
INTERVAL_NOTE = (
  "Over items: held-out documents, problems or texts drawn again, for the same trained models. "
  "Over seeds: models trained again, for the same items. Over both: both variances together, which "
  "is what verdicts are given by. Of many intervals a few miss."
)
MATCHED_NOTE = (
  "By what was measured while the arms trained, interpolated between two measurements. An arm that "
  "has learned from more targets since is shown in the midst of its schedule, with its learning "
  "rate not yet down, which counts against it."
)
CURVES_NOTE = "Line: mean over seeds; band: their lowest and highest."
COUNTED = "parameters", "steps", "seeds", "all_tokens"
LONGEST = 200  # characters of a cell: results.json has the rest
RULE_NOTE = (
  "Better or worse: reproduced where the interval over items and seeds lies on the claimed side of "
  "zero and reaches what counts; not reproduced where it holds no such difference. The same: "
  "reproduced where it lies within what counts, not reproduced where it lies beyond. Everything "
  "else is not decided, an interval of no width included."
)


def page(content: Mapping, pictures: Sequence[document.Picture]) -> list[Block]:
  """The whole of it."""
  return [*_findings(content), *pictures, *_setup(content)]


def tables(content: Mapping) -> list[Block]:
  """Arms, paired differences and the paper's finding alone."""
  return [
    *_measurements(content), *_differences(content), *_verdicts(content), *_paper(content)
  ]  # fmt: skip


def _findings(content: Mapping) -> list[Block]:
  comparisons = content["comparisons"]
  answers = [wording.answer(c, content["metrics"][c["metric"]]) for c in comparisons]
  blocks: list[Block] = [
    document.Heading(content["question"], 1),
    Text(f"{content['experiment']}, scale {content['scale']}. {content['source']}", "note"),
  ]
  if not answers:
    blocks.append(Text("Nothing was compared; the arms stand by themselves.", "answer"))
  else:
    blocks += [Text(answers[0], "answer"), Text(wording.verdict(comparisons[0]))]
    blocks += _verdicts(content)
  others = document.Items(answers[1:])
  if len(others.texts) > 4:  # the tables below must not start a screen later
    blocks.append(document.Folded(f"The other {len(others.texts)} comparisons in words", [others]))
  elif others.texts:
    blocks.append(others)
  return [
    *blocks,
    document.Heading("Results"),
    document.Beside(_measurements(content), _paper(content)),
    *_differences(content),
    *_matched(content),
  ]


def _measurements(content: Mapping) -> list[Block]:
  arrow = {"lower": "↓", "higher": "↑"}
  metrics = content["metrics"]
  header = ["arm", *(f"{name} {arrow[m['better']]}" for name, m in metrics.items())]
  rows = [
    [name, *(wording.measured(arm["metrics"].get(metric)) for metric in metrics)]
    + [_supervised(arm)]
    for name, arm in content["arms"].items()
  ]
  meanings = [f"{n}: {m['description']} ({m['better']} is better)" for n, m in metrics.items()]
  return [
    Table([*header, "supervised tokens"], rows, numbers=True),
    document.Items(meanings),
    Text(TABLE_NOTE + (PAIRED_NOTE if _paired(content) else GROUPS_NOTE), "note"),
  ]


def _supervised(arm: Mapping) -> str:
  """1,000,000, then 96,000 (flan): of the arm's own run, and of one that has its weights."""
  then = [f"{wording.count(r['supervised_tokens'])} ({n})" for n, r in kept.tuned(arm).items()]
  own = wording.count(arm["supervised_tokens"])
  return f"{own}, then {', '.join(then)}" if then else own


def _differences(content: Mapping) -> list[Block]:
  comparisons = content["comparisons"]
  if not comparisons:
    return []
  name = "paired difference" if _paired(content) else "difference"
  header = [name, "mean", "over items", "over seeds", "over both"]
  return [
    document.Heading(f"{name.capitalize()}s", 3),
    Table(header, [wording.difference_row(c) for c in comparisons], numbers=True),
    Text(INTERVAL_NOTE, "note"),
    document.Items([wording.verdict(c) for c in comparisons]),
  ]


def _paired(content: Mapping) -> bool:
  """Whether arms were measured on the same items; results of before say nothing of it."""
  return all(metric.get("paired", True) for metric in content["metrics"].values())


def _verdicts(content: Mapping) -> list[Block]:
  findings = content["findings"]
  if not findings:
    return []
  rows = [[one["statement"], one["verdict"], one["why"], one["certainty"]] for one in findings]
  return [
    document.Heading("The paper's findings here", 3),
    Table(["finding of the paper", "verdict", "by what", "how sure the finding is"], rows),
    Text(RULE_NOTE, "note"),
  ]


def _matched(content: Mapping) -> list[Block]:
  matched = content["matched"]
  if not matched:
    return []
  metrics = list(dict.fromkeys(name for told in matched["arms"].values() for name in told))
  tokens = wording.count(matched["supervised_tokens"])
  rows = [
    [arm, *(wording.measured(told.get(metric)) for metric in metrics)]
    for arm, told in matched["arms"].items()
  ]
  return [
    document.Heading(f"After as many supervised tokens ({tokens})", 3),
    Table(["arm", *metrics], rows, numbers=True),
    Text(MATCHED_NOTE, "note"),
  ]


def _paper(content: Mapping) -> list[Block]:
  paper = content["paper"]
  return [
    document.Heading("What the paper found", 3),
    Text(paper["finding"]),
    Text(f"How sure we are of this: {paper['certainty']}.", "note"),
  ]


def _setup(content: Mapping) -> list[Block]:
  arms = content["arms"]
  configs = {name: kept.settings(arm) for name, arm in arms.items()}
  differing = kept.different_settings(arms)
  full = [
    block
    for name, config in configs.items()
    for block in (
      document.Heading(name, 3),
      document.Code("\n".join(f"{key} = {_shown(value)}" for key, value in config.items())),
    )
  ]
  return [
    document.Heading("Setup"),
    Table(
      ["arm", "what it is", "parameters", "steps", "seeds", "all tokens"],
      [row for name, arm in arms.items() for row in _budgets(name, arm)],
    ),
    document.Heading("Where the arms' configs differ", 3),
    _columns("setting", configs, differing)
    if differing
    else Text("They do not: every setting is the same."),
    # Of what is kept the rest is gone.
    *([] if "kept" in content else [document.Folded("Full config of every arm", full)]),
    document.Heading("Corpus", 3),
    _columns("corpus", content["corpus"], _union(content["corpus"].values())),
    document.Heading("Method"),
    document.Items(content["method"]),
    document.Heading("Caveats"),
    document.Items(content["caveats"]),
    document.Heading("Commands"),
    document.Code("\n".join(content["commands"])),
    *_took(content),
    document.Heading("Environment"),
    Table(["what", "version"], [[key, _shown(v)] for key, v in content["environment"].items()]),
  ]


def _budgets(name: str, arm: Mapping) -> Iterator[list[str]]:
  """What the arm's own run took, and what those that begin with its weights took."""
  tuned = {f"{name}: {run}": taken for run, taken in kept.tuned(arm).items()}
  for told, taken in ({name: arm} | tuned).items():
    what = arm["description"] if told == name else "begins with its weights"
    yield [told, what, *(wording.count((arm | taken)[key]) for key in COUNTED)]


def _took(content: Mapping) -> list[Block]:
  training = content.get("training")  # results of an older version do not tell
  if not training:
    return []
  return [
    document.Heading("What it took"),
    Text(f"{cost.sentence(training)}. Runs that experiments share count in each of them.", "note"),
  ]


def _columns(corner: str, columns: Mapping[str, Mapping], keys: Iterable[str]) -> Table:
  """One column per mapping, one row per key, a dash where a mapping lacks the key."""

  def cell(told: Mapping, key: str) -> str:
    whole = _shown(told[key]) if key in told else "—"
    return whole if len(whole) <= LONGEST else f"{whole[: LONGEST - 1]}…"

  rows = [[key, *(cell(told, key) for told in columns.values())] for key in keys]
  return Table([corner, *columns], rows)


def _union(mappings: Iterable[Mapping]) -> list[str]:
  return list(dict.fromkeys(key for mapping in mappings for key in mapping))


def _shown(value: Any) -> str:
  if isinstance(value, str):
    return value
  is_count = isinstance(value, int) and not isinstance(value, bool)
  return wording.count(value) if is_count else json.dumps(value)
