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


def test_the_ablation_s_clusters_are_unseen_by_what_it_measures():
  unseen = {*clusters.may_be_trained_on(clusters.ABLATION_HELD_OUT)}
  added = {
    name
    for part in clusters.ABLATION
    for one in part
    for name in ([one] if one in DATASETS else clusters.members(one))
  }
  assert added - unseen == {"wsc273"}


def test_a_cluster_that_is_none_is_a_sentence():
  with pytest.raises(InputError, match=r"no cluster 'nil'.*did you mean nli"):
    clusters.members("nil")
