"""Folders of runs that nobody trained, and an experiment that asks about them."""

import dataclasses
import json
import pathlib
from types import SimpleNamespace

from codegen_jax.files import write_json
from experiments import work
from experiments.experiment import Arm, Experiment, Finding, Metric, Run

CODE, PASSES = "code/bits_per_byte", "functions/pass@1"
OLD, NEW = Run("old.gin"), Run("new.gin")
ASKED = Experiment(
  question="Which is better?",
  source="nowhere",
  paper_finding="None.",
  paper_certainty="certain",
  arms={"old": Arm(OLD, "as it was"), "new": Arm(NEW, "as it might be")},
  metrics={
    CODE: Metric("code_clm", "held-out code"),
    PASSES: Metric("microeval", "functions", value="pass@1", items="problem", scales=("demo",)),
  },
  comparisons=(("new", "old"),),
  findings=(Finding("New is better.", "certain", CODE, "new", "old", "better", 0.1),),
  method=("Carefully.",),
  caveats=("Few.",),
)
MODEL = {
  "vocab_size": 10,
  "embed_dim": 4,
  "num_layers": 1,
  "num_heads": 1,
  "head_dim": 4,
  "rotary_dim": 2,
}
SIZES = {"a.py": 100, "b.py": 300, "c.py": 200}


@dataclasses.dataclass
class FakeJobs:
  """What `collect` asks of `Jobs`."""

  folder: pathlib.Path
  asked: Experiment = ASKED
  scale: str = "demo"
  seeds: range = range(2)

  def place(self, run: Run, seed: int) -> SimpleNamespace:
    name = pathlib.Path(run.gin_file).stem
    place = SimpleNamespace(workdir=self.folder / name / f"seed_{seed}", after=None)
    place.chain = lambda: [place]
    return place

  def arm(self, name: str, seed: int) -> SimpleNamespace:
    return self.place(self.asked.arms[name].run, seed)

  def where(self, arm: str, metric: str, seed: int) -> tuple[SimpleNamespace, tuple[str, str]]:
    one = self.asked.metrics[metric]
    return self.place(self.asked.arms[arm].runs()[one.run], seed), (one.of, one.value)

  def ordered(self) -> list[SimpleNamespace]:
    return [
      SimpleNamespace(workdir=str(self.arm(arm, seed).workdir))
      for arm in self.asked.arms
      for seed in self.seeds
    ]


def make(
  workdir: pathlib.Path, *, code: float, passes: float, steps: int = 3, per_step: int = 7
) -> None:
  """A run whose model finds every byte equally hard, measured at steps 2 and 3 meanwhile."""
  (workdir / work.FOLDER).mkdir(parents=True)
  corpora = {f"local_{workdir.parent.name}": {"fingerprint": "abc"}, "local_code": {"files": 3}}
  rows = [
    {"step": s, "train/loss": 1.0, "train/scored_tokens": per_step * s, "train/all_tokens": 10 * s}
    for s in range(1, steps + 1)
  ]
  measured = [{"step": s, "eval/code_clm/bits_per_byte": code + 3 - s} for s in (2, 3)]
  config = {"model": MODEL, "data": {"mixture": workdir.parent.name}, "seed": workdir.name}
  (workdir / "data.json").write_text(json.dumps({"corpora": corpora}))
  (workdir / "environment.json").write_text(json.dumps({"python": "3.11"}))
  (workdir / "config.json").write_text(json.dumps(config))
  (workdir / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
  (workdir / "evaluations.jsonl").write_text("".join(json.dumps(r) + "\n" for r in measured))
  for of, value, items in (
    ("code_clm", "bits_per_byte", {name: (code * size, size) for name, size in SIZES.items()}),
    ("microeval", "pass@1", {f"p{i}": (passes * 10 + i, 10) for i in (-1, 0, 1)}),
  ):
    whole = sum(a for a, _ in items.values()) / sum(b for _, b in items.values())
    write_json(work.path(workdir, of, value), {"value": whole, "items": items})


def four(folder: pathlib.Path, **last: int) -> FakeJobs:
  make(folder / "old" / "seed_0", code=2.0, passes=0.3, per_step=10)
  make(folder / "old" / "seed_1", code=2.2, passes=0.3, per_step=10)
  make(folder / "new" / "seed_0", code=1.5, passes=0.5, per_step=7)
  make(folder / "new" / "seed_1", code=1.9, passes=0.7, per_step=9, **last)
  return FakeJobs(folder)
