"""README.md beside an export: what was trained, on what, by which config, with which results."""

from collections.abc import Iterator
import json
import pathlib
from typing import Any

from codegen_jax.interop.run import Run

HEADER = """\
---
license: {license}
library_name: transformers
pipeline_tag: text-generation
language:
- code
tags:
- {block}
- codegen_jax
{index}---

# {name}
"""


def text(
  run: Run, *, name: str, architecture: str, dtype: str, license: str, has_tokenizer: bool
) -> str:
  """The card of one export."""
  found = sorted(results(run.workdir, run.step))
  parts = [
    HEADER.format(license=license, block=run.model.block, index=_index(name, found), name=name),
    _introduction(run, architecture, dtype),
    _use(architecture, name, has_tokenizer),
    "## Training\n\n" + _training(run),
    "## Results\n\n" + _table(found),
  ]
  return "\n".join(parts)


def results(workdir: pathlib.Path, step: int) -> Iterator[tuple[str, str, float, str]]:
  """Benchmark or mixture, metric, value and what it was measured on, of eval/**/results.json."""
  for path in (workdir / "eval").glob("**/results.json"):
    told = json.loads(path.read_text("utf-8"))
    where = path.relative_to(workdir)
    if "settings" in told:  # held-out text
      if told["settings"]["step"] == step:
        for metric, value in told["metrics"].items():
          yield told["settings"]["mixture"], metric, value, where.as_posix()
    elif where.parts[2] == str(step):  # eval/<benchmark>/<step>/...; lm-eval's form
      for benchmark, values in told.get("results", {}).items():
        for key, value in values.items():
          metric, comma, kept = key.partition(",")
          if comma and not metric.endswith("_stderr") and isinstance(value, int | float):
            said = metric if kept == "none" else f"{metric} ({kept})"
            yield benchmark, said, value, where.as_posix()


def _introduction(run: Run, architecture: str, dtype: str) -> str:
  size, model = run.model.num_params, run.model
  read = {
    "causal": "It reads from left to right.",
    "prefix": (
      "It was trained as a PrefixLM, which reads a prompt both ways; transformers reads it from"
      " left to right, so its scores there are not those it was trained for."
    ),
  }[run.attention]
  return (
    f"{size:,} parameters: {model.num_layers} layers, {model.embed_dim} wide,"
    f" {model.num_heads} heads of {model.head_dim}, {model.vocab_size} rows of vocabulary."
    f" {architecture} in {dtype}, written by codegen_jax from step {run.step}. {read}\n"
  )


def _use(architecture: str, name: str, has_tokenizer: bool) -> str:
  tokenizer = 'tokenizer = AutoTokenizer.from_pretrained("{0}")\n' if has_tokenizer else ""
  lines = (
    f"from transformers import AutoTokenizer, {architecture}\n\n"
    f'model = {architecture}.from_pretrained("{name}")\n' + tokenizer.format(name)
  )
  without = "" if has_tokenizer else "\nThe folder has no tokenizer: the workdir had none.\n"
  return f"```python\n{lines}```\n{without}"


def _training(run: Run) -> str:
  converted, config = run.config.get("converted"), run.config
  if converted:
    return f"Not trained here: the weights are those of {converted['from']}.\n"
  data = run.data
  optimizer = config.get("optimizer", {})
  rows = [
    ("updates", f"{run.step} of {config.get('total_steps', '?')}"),
    ("attention", run.attention),
    ("mixture", f"`{data.get('mixture', config.get('data', {}).get('mixture', 'unknown'))}`"),
    ("data fingerprint (SHA-256)", f"`{data.get('fingerprint', 'unknown')}`"),
    *((f"corpus {name}", _corpus(told)) for name, told in sorted(data.get("corpora", {}).items())),
    ("rows of a batch", str(config.get("data", {}).get("batch_size", "?"))),
    ("tokens of a row", str(run.positions)),
    ("peak learning rate", str(optimizer.get("peak_learning_rate", "?"))),
    ("seed", str(config.get("seed", "?"))),
    ("begins from", f"`{run.config.get('warm_start', {}).get('run') or 'new weights'}`"),
  ]
  table = "\n".join(f"| {what} | {value} |" for what, value in rows)
  return f"| | |\n| --- | --- |\n{table}\n\n{_gin(run.workdir)}"


def _corpus(told: dict[str, Any]) -> str:
  known = ("description", "version", "fingerprint", "tokenizer")
  return "; ".join(f"{name} {told[name]}" for name in known if told.get(name))


def _gin(workdir: pathlib.Path) -> str:
  path = workdir / "config.gin"
  if not path.is_file():
    return ""
  return f"The whole config, as gin:\n\n```\n{path.read_text('utf-8').strip()}\n```\n"


def _table(found: list[tuple[str, str, float, str]]) -> str:
  if not found:
    return "This step was not measured.\n"
  lines = [f"| {of} | {metric} | {value:.4f} | `{path}` |" for of, metric, value, path in found]
  return "| measured on | metric | value | file |\n| --- | --- | --- | --- |\n" + "\n".join(
    [*lines, ""]
  )


def _index(name: str, found: list[tuple[str, str, float, str]]) -> str:
  """The results as the hub's leaderboards read them."""
  if not found:
    return ""
  lines = ["model-index:", f"- name: {json.dumps(name)}", "  results:"]
  for of, metric, value, _ in found:
    lines += [
      "  - task: {type: text-generation}",
      f"    dataset: {{name: {json.dumps(of)}, type: {json.dumps(of)}}}",
      f"    metrics: [{{type: {json.dumps(metric)}, value: {value}}}]",
    ]
  return "\n".join(lines) + "\n"
