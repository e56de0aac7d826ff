"""The tasks of MicroEval's family, alone and beside the embedded code."""

import dataclasses

import pytest
import seqio

from codegen_jax.data.microeval.documents import MicroCorpus
from codegen_jax.data.pipeline import DataConfig, Reader
from tasks import build, local, micro, recipes

FEW = MicroCorpus(train=12, validation=6)
SOURCE = dataclasses.replace(micro.MICRO, name="few", corpus=lambda: FEW)
build.add_recipes("few", SOURCE)


@pytest.mark.parametrize(("recipe", "objective"), recipes.recipes(local.VOCABULARY).items())
def test_there_is_a_task_of_each_recipe_and_a_mixture_with_the_embedded_code(recipe, objective):
  source = seqio.TaskRegistry.get(f"micro_{recipe}").source
  assert (source.corpus, source.objective) == ("micro", objective)
  mixture = seqio.MixtureRegistry.get(f"local_code_and_micro_{recipe}")
  rates = {task.name: mixture.get_rate(task) for task in mixture.tasks}
  assert rates == {f"local_code_{recipe}": 0.5, f"micro_{recipe}": 0.5}


def test_tokens_are_those_of_the_modules():
  for split in ("train", "validation"):
    texts = {document.path: document.text for document in FEW.split(split)}
    store = SOURCE.reader(split)()
    assert {*store.paths} == {*texts}
    for number, path in enumerate(store.paths):
      *ids, end = store.tokens[store.offsets[number] : store.offsets[number + 1]].tolist()
      assert local.VOCABULARY.decode(ids) == texts[path] and end == local.VOCABULARY.eos_id
  assert SOURCE.record()["tokenizer"] == local.VOCABULARY.fingerprint


def test_held_out_documents_are_held_out_compositions_and_a_prefix_is_read_both_ways():
  row = Reader(DataConfig("few_prefix_lm", seq_len=256, batch_size=1, split="validation")).inspect(
    0
  )
  assert all(path.startswith("micro/validation/") for path in row.paths)
  assert row.batch.prefix_mask.any()
