"""Tasks and mixtures by their names: what they read, in which shares, what they leave unseen."""

import dataclasses
from fractions import Fraction
import html
import itertools
import re

import numpy as np
import pytest
import seqio

from codegen_jax import main
from codegen_jax.data import mixture, pipeline
from codegen_jax.data.pipeline import DataConfig
from codegen_jax.errors import InputError
from tasks.flan import clusters, dataset, mixtures, sources
from tests import tiny_language_model as language
from tests.tasks.flan import rows

DATASETS = dataset.load()
HERE = {"rte": 40, "copa": 25, "mrpc": 12, "boolq": 60, "cosmos_qa": 9, "xsum": 30}


@pytest.fixture(scope="module")
def flan(tmp_path_factory):
  """Small files of a few data sets, and everything registered over them as `toyflan_*`."""
  folder = tmp_path_factory.mktemp("flan")
  variables = {
    "CODEGEN_JAX_BENCHMARKS": str(folder / "benchmarks"),
    "CODEGEN_JAX_CACHE": str(folder / "cache"),
    "TFDS_DATA_DIR": str(folder / "tfds"),
  }
  with pytest.MonkeyPatch.context() as patch:
    for name, value in variables.items():
      patch.setenv(name, value)
    for name, train in HERE.items():
      rows.write(folder / "benchmarks", name, train=train)
    mixtures._here.cache_clear()
    before = {*seqio.TaskRegistry.names()}, {*seqio.MixtureRegistry.names()}
    mixtures.register(language.make_vocabulary(), "toyflan")
    yield folder
    for registry, known in zip((seqio.TaskRegistry, seqio.MixtureRegistry), before, strict=True):
      for name in {*registry.names()} - known:
        registry.remove(name)
  mixtures._here.cache_clear()


def data_sets(name: str) -> list[str]:
  found = seqio.get_mixture_or_task(name)
  return [task.name.split("_", 1)[1] for task in found.tasks]


def reader(name: str, *, split: str = "train", seq_len: int = 1280) -> pipeline.Reader:
  return pipeline.Reader(DataConfig(name, seq_len=seq_len, batch_size=2, split=split))


@pytest.mark.parametrize("cluster", clusters.PAPER)
def test_a_split_reads_no_data_set_of_what_it_is_measured_on(flan, cluster):
  name = f"flan_inter_cluster_split_{cluster}_10templates"
  read = {one.removesuffix("_10templates") for one in data_sets(name)}
  assert read == {*clusters.may_be_trained_on((cluster,))} and len(read) > 50
  for way in ("rank", "write"):
    if f"flan_{cluster}_{way}" in seqio.MixtureRegistry.names():
      assert not read & {one.removesuffix(f"_{way}") for one in data_sets(f"flan_{cluster}_{way}")}


def test_what_is_present_is_all_that_is_here(flan):
  for cluster, expected in {
    "nli": {"copa", "boolq", "cosmos_qa", "xsum"},
    "commonsense": {"rte", "mrpc", "boolq", "xsum"},
    "reading_comprehension": {"rte", "copa", "mrpc", "xsum"},
    "translation": {*HERE},
  }.items():
    read = data_sets(f"toyflan_inter_cluster_split_{cluster}_10templates_present")
    assert {one.removesuffix("_10templates") for one in read} == expected


@pytest.mark.parametrize(
  ("order", "steps", "held_out"),
  [
    ("first", clusters.ABLATION, clusters.ABLATION_HELD_OUT),
    ("few", clusters.FEW, clusters.FEW_HELD_OUT),
  ],
)
def test_each_step_of_an_ablation_adds_data_sets_and_none_of_what_is_measured(
  order, steps, held_out
):
  closed = clusters.held_out_with(held_out)
  before: set[str] = set()
  for count in range(1, len(steps) + 1):
    read = {
      one.removesuffix("_4templates")
      for one in data_sets(f"flan_{order}_{count}_clusters_4templates")
    }
    assert before < read
    assert not [one for one in read if closed & {*DATASETS[one].clusters}]
    before = read


def test_an_ablation_takes_what_is_here_of_each_cluster_and_stops_where_one_is_missing(flan):
  for order, count, expected in (("few", 1, {"xsum"}), ("few", 2, {"xsum", "boolq"})):
    read = data_sets(f"toyflan_{order}_{count}_clusters_10templates_present")
    assert {one.removesuffix("_10templates") for one in read} == expected
  for name, lacking in (("few_3", "definite_pronoun"), ("first_2", "para_crawl_enes")):
    with pytest.raises(InputError, match=f"the data set {lacking} is not on this machine"):
      reader(f"toyflan_{name}_clusters_10templates_present")


def test_where_a_data_set_is_missing_the_whole_mixture_says_so(flan):
  with pytest.raises(InputError, match=r"the data set .* is not on this machine"):
    reader("toyflan_all_10templates")
  with pytest.raises(InputError, match="the data set para_crawl_enes is not on this machine"):
    reader("toyflan_translation_write_present", split="validation")


def test_shares_are_of_examples_up_to_the_maximum(flan, monkeypatch):
  """As many rows' worth of documents of each task as it has examples, 20 at the most."""
  monkeypatch.setattr(mixtures, "MAXIMUM_RATE", 20)
  mixtures._add_mixture("toyflan_twenty", [[*HERE]], "toyflan_{}_10templates", 20)
  _, rates = mixture.resolve("toyflan_twenty")
  tasks = seqio.get_mixture_or_task("toyflan_twenty").tasks
  sizes = {task.name: task.source.store("train") for task in tasks}
  documents = {
    task.name: rate / Fraction(sizes[task.name].num_tokens, sizes[task.name].num_documents)
    for task, rate in zip(mixture.resolve("toyflan_twenty")[0], rates, strict=True)
  }
  unit = documents["toyflan_cosmos_qa_10templates"] / 9
  for name, count in HERE.items():
    share = documents[f"toyflan_{name}_10templates"] / unit
    assert float(share) == pytest.approx(min(count, 20), rel=0.01), name
  read = reader("toyflan_twenty", seq_len=400)
  seen = {}
  for index in range(300):
    row = read.inspect(index)
    seen[row.task] = seen.get(row.task, 0) + len(row.paths)
  per_example = seen["toyflan_boolq_10templates"] / 20
  assert seen["toyflan_cosmos_qa_10templates"] == pytest.approx(9 * per_example, rel=0.15)


def test_a_row_holds_several_examples_apart_and_scores_answers_alone(flan):
  row = reader("toyflan_boolq_10templates").inspect(0)
  assert len(row.paths) > 2
  batch, vocabulary = row.batch, language.make_vocabulary()
  numbers = batch.segment_ids[0][batch.loss_mask[0]]
  assert {*numbers.tolist()} == {*range(1, len(row.paths) + 1)}  # of every one something is scored
  for segment in range(1, len(row.paths) + 1):
    scored = batch.targets[0][batch.loss_mask[0] & (batch.segment_ids[0] == segment)]
    said = vocabulary.to_bytes(scored[:-1]).decode()
    assert said in (" yes", " no") or said.startswith((" boolq passage", " boolq question"))
  assert vocabulary.special_id("<sep>") not in batch.inputs  # no wrong answer is told
  assert np.all(np.diff(batch.positions[0][batch.segment_ids[0] == 2]) == 1)


def test_long_inputs_and_answers_are_cut_and_what_is_asked_stays(flan, monkeypatch):
  monkeypatch.setattr(mixtures, "INPUTS", 60)
  monkeypatch.setattr(mixtures, "ANSWERS", 8)
  one = DATASETS["xsum"]
  long = sources.Example("x:1", {"text": "long " * 300, **one.words}, "sentence " * 100)
  monkeypatch.setattr(sources, "examples", lambda _: {"train": [long], "validation": [long]})
  monkeypatch.setattr(sources, "fingerprint", lambda _: "long")
  first = dataclasses.replace(one, name="cut_xsum", templates=one.templates[:1])
  mixtures._add_tasks(language.make_vocabulary(), "toyflan", first)
  row = reader("toyflan_cut_xsum_1templates").inspect(0)
  vocabulary = language.make_vocabulary()
  said = vocabulary.to_bytes(row.example.tokens[~row.example.loss_mask]).decode()
  assert (~row.example.loss_mask).sum() == 60 and row.example.loss_mask.sum() == 8
  cue = "\nGive the summary in one sentence of this news article.\nAnswer:"
  assert said.endswith(cue) and "long".startswith(said.removesuffix(cue)[:2])


def test_shots_are_of_the_training_split_and_never_the_example_itself(flan):
  read = reader("toyflan_rte_rank_2shot", split="validation", seq_len=2000)
  for answer, _, example in read.questions():
    said = language.make_vocabulary().to_bytes(example.tokens[: answer.end(example)]).decode()
    first, second, asked = said.split("\nAnswer:")[:3]
    assert "of train" in first and "of train" in second and first != second
    assert "validation" not in first + second.split("\n\n")[-1]
    assert "validation" in asked and said.endswith("\nAnswer:") and said.count("\nAnswer:") == 3


def test_the_first_so_many_questions_are_the_same_however_they_are_asked(flan):
  asked = [
    [path for _, path, _ in reader(name, split="validation", seq_len=2000).questions(9)]
    for name in ("toyflan_rte_rank", "toyflan_rte_rank_2shot", "toyflan_rte_rank_1shot")
  ]
  assert len(asked[0]) == 9 and asked[0] == asked[1] == asked[2]
  assert len({path.rpartition("@")[2] for path in asked[0]}) > 2  # and not of one template


def test_every_asking_template_is_measured_once_on_each_example(flan):
  read = reader("toyflan_rte_rank", split="validation")
  paths = [path for _, path, _ in read.questions()]
  assert {*paths} == {
    f"rte/validation:{row}@{template}"
    for row, template in itertools.product((1, 2, 3, 4), range(1, 8))
  }


def test_without_instructions_there_is_the_input_and_with_a_name_the_name(flan):
  said = {}
  for suffix in ("plain", "named"):
    pairs = seqio.TaskRegistry.get(f"toyflan_rte_{suffix}").source
    store = pairs.store("train")
    at = store.paths.index("rte/train:7")
    tokens, _ = store.slice(*store.offsets[at : at + 2].tolist())
    said[suffix] = language.make_vocabulary().to_bytes(tokens[:-1]).decode()
  assert said["plain"].startswith("rte premise of train 6\nrte hypothesis of train 6\nOptions:")
  assert said["named"] == f"[RTE]\n{said['plain']}"


def test_inspect_shows_prompts_and_answers_of_a_mixture(flan, capsys):
  page = flan / "page.html"
  name = "toyflan_inter_cluster_split_nli_10templates_present"
  flags = ["--tasks=tasks.flan.mixtures", "--seq_len=1280", "--count=9", f"--html={page}"]
  main.main(["inspect", name, *flags])
  assert "toyflan_boolq_10templates" in capsys.readouterr().out
  text = html.unescape(re.sub(r"<[^>]+>", "", page.read_text("utf-8")))
  assert "boolq passage of train" in text and "toyflan_rte" not in text
  main.main(["inspect", "toyflan_nli_rank_present", *flags[:-1], "--split=validation"])
  assert "toyflan_rte_rank" in capsys.readouterr().out
