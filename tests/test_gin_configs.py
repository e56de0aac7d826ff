"""Every gin file means what its golden listing says, and every arm runs.

`UPDATE_GOLDEN=1 pytest tests/test_gin_configs.py` writes the listings anew: what changed is then in
the diff of tests/golden, for every arm that it touches.
"""

import difflib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest
import seqio

from codegen_jax import config, main
from codegen_jax import evaluate as evaluating
from codegen_jax.run_config import RunConfig
from codegen_jax.training import metrics
from tasks import embedded, micro

ROOT = pathlib.Path(__file__).resolve().parents[1]
GOLDEN = ROOT / "tests" / "golden"


def gin_files(folder: str) -> dict[str, str]:
  files = sorted((ROOT / "gin_configs" / folder).glob("*.gin"))
  return {file.stem: file.relative_to(ROOT).as_posix() for file in files}


ARMS, SCALES, MODELS = gin_files("ablations"), gin_files("scales"), gin_files("models")
HARDWARE, FINETUNE = gin_files("hardware"), gin_files("finetune")
SIZES = {"alone": [], **{scale: [file] for scale, file in SCALES.items()}}
PLAIN = [size for size in SIZES if "_" not in size]  # the others are budgets of these
LISTINGS = [
  *(f"{arm}.{size}" for arm in ARMS for size in PLAIN),
  *(f"lesson1_causal.{size}" for size in SIZES if size not in PLAIN),
]


def load(*files: str, bindings: tuple[str, ...] = ()) -> RunConfig:
  return config.load(RunConfig, files, bindings).config


def listing(run: RunConfig) -> dict[str, str]:
  return {name: repr(value) for name, value in config.flat(run).items()}


def text(run: RunConfig) -> str:
  return "".join(f"{name} = {value}\n" for name, value in listing(run).items())


@pytest.mark.parametrize("name", LISTINGS)
def test_an_arm_is_what_its_golden_listing_says(name):
  arm, size = name.split(".")
  said, golden = text(load(ARMS[arm], *SIZES[size])), GOLDEN / f"{name}.txt"
  if os.environ.get("UPDATE_GOLDEN"):
    GOLDEN.mkdir(exist_ok=True)
    golden.write_text(said)
  expected = golden.read_text() if golden.exists() else ""
  diff = difflib.unified_diff(expected.splitlines(), said.splitlines(), golden.name, "now", "", "", 0, "")  # fmt: skip  # noqa: E501
  assert said == expected, "\n".join(["UPDATE_GOLDEN=1 writes it anew", *diff])


def test_no_golden_listing_is_left_of_an_arm_that_is_gone():
  assert {file.name for file in GOLDEN.iterdir()} == {f"{name}.txt" for name in LISTINGS}


@pytest.mark.parametrize("arm", ARMS)
@pytest.mark.parametrize("model", MODELS)
def test_every_model_can_be_laid_over_every_arm(arm, model):
  alone, laid = load(ARMS[arm]), load(ARMS[arm], MODELS[model])
  assert laid.train.attention == alone.train.attention
  assert laid.train.data.mixture == alone.train.data.mixture
  steps = laid.train.optimizer.warmup_steps + laid.train.optimizer.anneal_steps
  assert steps <= laid.train.total_steps  # else the rate never reaches its end


@pytest.mark.parametrize("model", MODELS)
def test_a_model_is_the_same_whatever_it_is_laid_over(model):
  # Every arm includes a model already: what a file leaves unsaid, that one says instead.
  bindings = ("MIXTURE = 'code_and_prose_clm'", "ATTENTION = 'causal'")
  alone = load("gin_configs/base/pretrain.gin", MODELS[model], bindings=bindings).train
  over = load(ARMS["lesson1_causal"], MODELS[model]).train
  assert over == alone


@pytest.mark.parametrize("hardware", HARDWARE)
@pytest.mark.parametrize("model", MODELS)
def test_hardware_moves_no_number_of_a_run_but_by_rounding(hardware, model):
  alone = listing(load(ARMS["lesson1_causal"], MODELS[model]))
  laid = listing(load(ARMS["lesson1_causal"], MODELS[model], HARDWARE[hardware]))
  moved = {name.removeprefix("train.") for name in alone if alone[name] != laid[name]}
  assert {name.split(".")[0] for name in moved} <= {
    "partitioning", "compiler_options", "loss_chunks", "model",
  }  # fmt: skip
  assert {name for name in moved if name.startswith("model.")} <= {"model.attention_kernel"}


@pytest.mark.parametrize("hardware", HARDWARE)
def test_hardware_is_the_same_whatever_it_is_laid_over(hardware):
  def chosen(*before: str) -> tuple:
    train = load(ARMS["lesson1_causal"], *before, HARDWARE[hardware]).train
    kernel = train.model.attention_kernel
    return train.partitioning, train.compiler_options, train.loss_chunks, kernel

  assert len({chosen(), *(chosen(HARDWARE[other]) for other in HARDWARE)}) == 1


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("question", ["lesson1", "micro"])
def test_two_arms_differ_in_their_mask_and_what_is_scored_alone(question, size):
  causal, prefix = (
    listing(load(ARMS[f"{question}_{arm}"], *SIZES[size])) for arm in ("causal", "prefix")
  )
  assert causal.keys() == prefix.keys()
  mixture = causal["train.data.mixture"]
  assert {
    name: (causal[name], prefix[name]) for name in causal if causal[name] != prefix[name]
  } == {
    "train.attention": ("'causal'", "'prefix'"),
    "train.data.mixture": (mixture, mixture.replace("_clm", "_prefix_lm")),
  }


@pytest.mark.parametrize("name", FINETUNE)
def test_what_is_tuned_suits_its_attention_and_its_prompt(name):
  train = load(MODELS["demo"], FINETUNE[name], bindings=("INIT_FROM = 'runs/other'",)).train
  task = train.data.mixture
  answer = seqio.TaskRegistry.get(task).source.objective.objective
  assert answer.hidden == (train.attention == "bidirectional")
  ids = answer.prompt_ids.tolist()
  assert train.optimizer.trained_rows == ((ids[0], ids[-1] + 1) if ids else None)
  assert train.early_stopping.metric == f"{task}/accuracy" and train.keep_best


def test_tuning_without_a_run_to_tune_is_a_sentence():
  with pytest.raises(main.InputError, match="INIT_FROM"):
    load(MODELS["demo"], FINETUNE["docstring_match_causal"])


@pytest.mark.parametrize("name", gin_files("t5x"))
def test_a_file_for_t5x_reads_macros_that_an_arm_and_a_model_set(name):
  # It imports t5x, which is rarely there; where it is, tests/interop/test_t5x_command.py runs it.
  declared = re.compile(r"^([A-Z_]+) =", re.MULTILINE)
  said, base = (
    (ROOT / file).read_text() for file in (gin_files("t5x")[name], "gin_configs/base/pretrain.gin")
  )
  known = declared.findall(said) + declared.findall(base)
  read = set(re.findall(r"%([A-Z_]+)", said))
  assert {"BATCH_SIZE", "SEQ_LEN", "SEED"} <= read <= {*known}


# Two steps of every arm, on the corpus that it is for.

TINY = ("TOTAL_STEPS = 2", "HELD_OUT_ROWS = 4")


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
  """Arm -> its workdir after two steps; each is trained once."""
  workdirs: dict[str, pathlib.Path] = {}

  def of(arm: str) -> pathlib.Path:
    if arm not in workdirs:
      workdirs[arm] = tmp_path_factory.mktemp(arm)
      main.train([ARMS[arm], MODELS["tiny"]], TINY, workdirs[arm])
    return workdirs[arm]

  with pytest.MonkeyPatch.context() as patch:
    patch.delenv(embedded.CODE_VARIABLE, raising=False)
    patch.delenv(embedded.PROSE_VARIABLE, raising=False)
    # In a process of its own, since here every call is checked: half a minute and not four.
    corpora = "(micro.MICRO, micro.SCRIPTS)"
    make = f"from tasks import micro; [one.reader('train')() for one in {corpora}]"
    subprocess.run([sys.executable, "-c", make], cwd=ROOT, check=True)
    yield of


def evaluate(arm: str, workdir: pathlib.Path, *bindings: str):
  return evaluating.evaluate([ARMS[arm], MODELS["tiny"]], [*TINY, *bindings], workdir)


@pytest.mark.slow
@pytest.mark.parametrize("arm", ARMS)
def test_an_arm_trains_and_leaves_what_it_is_trained_by(arm, trained):
  rows = metrics.read(trained(arm))
  assert [row["step"] for row in rows] == [1, 2]
  # An untrained network finds its ids about equally likely.
  assert abs(rows[0]["train/loss"] - np.log(4096)) < 1
  assert load(str(trained(arm) / "config.gin")) == load(ARMS[arm], MODELS["tiny"], bindings=TINY)


@pytest.mark.slow
@pytest.mark.parametrize("arm", ["lesson1_prefix", "lesson3_codegen2"])
def test_what_an_arm_left_trains_it_again(arm, trained, tmp_path):
  rows = metrics.read(trained(arm))
  main.train([str(trained(arm) / "config.gin")], (), tmp_path)
  assert [row["train/loss"] for row in metrics.read(tmp_path)] == [
    row["train/loss"] for row in rows
  ]


@pytest.mark.slow
@pytest.mark.parametrize("arm", ARMS)
def test_an_arm_is_measured_on_text_that_was_held_out(arm, trained):
  results = evaluate(arm, trained(arm))
  assert tuple(results) == load(ARMS[arm]).evaluation.held_out
  corpora = embedded.code(), embedded.prose(), micro.corpus(), micro.scripts()
  held_out = {document.path for corpus in corpora for document in corpus.split("validation")}
  for mixture, result in results.items():
    stored = trained(arm) / "eval" / mixture / "2" / "results.json"
    assert result == json.loads(stored.read_text())
    assert result["documents"].keys() <= held_out
    bits, num_bytes, tokens = np.sum([*result["documents"].values()], axis=0)
    assert result["metrics"]["bits_per_byte"] == pytest.approx(bits / num_bytes)
    assert result["counts"] == {
      "documents": len(result["documents"]),
      "bytes": num_bytes,
      "tokens": tokens,
    }
    # Hardly trained, it needs log2(4096) bits for a token: 12.  In nats that would be 8.3.
    assert abs(bits / tokens - 12) < 2


@pytest.mark.slow
def test_lesson_1_scores_both_arms_on_the_same_targets_and_each_through_its_own_mask(trained):
  workdir = trained("lesson1_prefix")
  own = evaluate("lesson1_prefix", workdir)
  causal = evaluate("lesson1_prefix", workdir, "ATTENTION = 'causal'")
  for mixture in own:
    targets = [
      {path: score[1:] for path, score in r[mixture]["documents"].items()} for r in (own, causal)
    ]
    assert targets[0] == targets[1]
    # Where there is no prompt to be read both ways, the masks are one and the same.
    same = own[mixture]["metrics"] == causal[mixture]["metrics"]
    assert same == mixture.endswith("_clm"), mixture


@pytest.mark.slow
def test_what_was_measured_under_another_model_is_refused(trained, tmp_path):
  workdir = shutil.copytree(trained("lesson1_causal"), tmp_path / "run")
  for change, said in [
    ("TransformerConfig.rotary_dim = 8", "rotary_dim was 4 and is now 8"),
    ("TransformerConfig.num_layers = 3", "num_layers was 2 and is now 3"),
  ]:
    with pytest.raises(main.InputError, match=said):
      evaluate("lesson1_causal", workdir, change)


def test_nothing_to_evaluate_on_is_a_sentence(tmp_path):
  arm = next(iter(ARMS))
  with pytest.raises(main.InputError, match="there is nothing to evaluate on"):
    evaluating.evaluate([ARMS[arm], MODELS["tiny"]], ["HELD_OUT = ()"], tmp_path)


def test_an_arm_or_a_scale_of_each_name_is_there():
  assert {"lesson1_causal", "lesson1_prefix"} <= ARMS.keys()
  assert {"demo"} <= SCALES.keys() and {"tiny", "demo", "codegen2_1b"} <= MODELS.keys()
  assert {"alone", "demo", "small", "paper"} == {*PLAIN}
