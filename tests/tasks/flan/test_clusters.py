"""What may be trained on leaves what is measured unseen."""

import pytest

from codegen_jax.errors import InputError
from tasks.flan import clusters, dataset

DATASETS = dataset.load()


@pytest.mark.parametrize("cluster", clusters.PAPER)
def test_no_data_set_of_a_measured_cluster_is_trained_on(cluster):
  trained, measured = clusters.may_be_trained_on((cluster,)), clusters.members(cluster, extra=True)
  assert trained and measured and not {*trained} & {*measured}
  closed = {cluster, *clusters.held_out_with((cluster,))}
  assert not [name for name in trained if closed & {*DATASETS[name].clusters}]


def test_the_paper_s_two_exceptions_and_no_more():
  near = {cluster: clusters.held_out_with((cluster,)) - {cluster} for cluster in clusters.PAPER}
  assert {cluster: {*with_} for cluster, with_ in near.items() if with_} == {
    "nli": {"paraphrase"},
    "paraphrase": {"nli"},
    "reading_comprehension_commonsense": {"reading_comprehension", "commonsense"},
    "reading_comprehension": {"reading_comprehension_commonsense"},
    "commonsense": {"reading_comprehension_commonsense"},
  }


def test_a_data_set_of_two_clusters_takes_both_with_it(monkeypatch):
  both = DATASETS | {"copa": _of(DATASETS["copa"], ("commonsense", "translation"))}
  monkeypatch.setattr(dataset, "load", lambda: both)
  trained = clusters.may_be_trained_on(("commonsense",))
  assert not [name for name in trained if "translation" in both[name].clusters]
  assert "copa" not in clusters.may_be_trained_on(("translation",))


def _of(one, names):
  import dataclasses

  return dataclasses.replace(one, clusters=names)


def test_what_has_no_training_split_and_what_the_paper_lacks_is_not_trained_on():
  every = clusters.may_be_trained_on(())
  assert not {"wsc273", "story_cloze", "gsm8k", "wsc"} & {*every}
  assert len(every) == 64


@pytest.mark.parametrize(
  ("steps", "held_out", "extra", "missing"),
  [
    (clusters.ABLATION, clusters.ABLATION_HELD_OUT, False, {"wsc273"}),
    (clusters.FEW, clusters.FEW_HELD_OUT, True, {"wsc273", "story_cloze"}),
  ],
)
def test_what_an_ablation_adds_leaves_unseen_what_it_measures(steps, held_out, extra, missing):
  unseen = {*clusters.may_be_trained_on(held_out, extra=extra)}
  added = [
    {
      name
      for one in part
      for name in ([one] if one in DATASETS else clusters.members(one, extra=extra))
    }
    for part in steps
  ]
  assert all(part & unseen for part in added)
  assert len(set().union(*added)) == sum(map(len, added))  # each step adds what none before did
  assert set().union(*added) - unseen == missing  # nobody may train on these


def test_our_own_data_sets_are_held_out_with_their_clusters_too():
  trained = {*clusters.may_be_trained_on(("coreference",), extra=True)}
  assert "gsm8k" in trained and not trained & {"wsc", "winogrande"}
  assert not {"gsm8k", "aqua"} & {*clusters.may_be_trained_on(("reasoning",), extra=True)}


def test_a_cluster_that_is_none_is_a_sentence():
  with pytest.raises(InputError, match=r"no cluster 'nil'.*did you mean nli"):
    clusters.members("nil")
