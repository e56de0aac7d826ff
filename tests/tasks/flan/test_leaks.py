"""No example is trained on and measured; where one is, it is found."""

import json

import pytest

from codegen_jax.evaluation import data_files
from tasks.flan import clusters, dataset, leaks, sources
from tests.evaluation import benchmark_files
from tests.tasks.flan import rows


@pytest.fixture
def here(tmp_path, monkeypatch):
  monkeypatch.setenv("CODEGEN_JAX_BENCHMARKS", str(tmp_path))
  monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "tfds"))
  for name in ("rte", "copa", "mrpc", "boolq", "cosmos_qa", "xsum", "cola"):
    rows.write(tmp_path, name)
  return tmp_path


@pytest.mark.parametrize("cluster", ["nli", "commonsense", "reading_comprehension", "paraphrase"])
def test_what_is_measured_shares_nothing_with_what_is_trained_on(here, cluster):
  trained, measured = leaks.of_cluster(cluster)
  assert trained and measured and not {*trained} & {*measured}
  assert leaks.shared(trained, measured) == {}


def test_an_example_of_another_data_set_is_found_whatever_its_fields_are_called(here, capsys):
  asked = rows.examples("rte")["validation"][0].fields
  file = here / "flan/copa/train.jsonl"
  leaked = {"premise": asked["hypothesis"].upper(), "question": asked["premise"]}
  file.write_text(
    file.read_text() + json.dumps(leaked | {"choice1": "", "choice2": "", "label": 0})
  )
  assert leaks.shared(*leaks.of_cluster("nli")) == {("copa", "rte"): 1}
  assert (
    leaks.main(["nli"]) == 1 and "1 examples in both ('copa', 'rte')" in capsys.readouterr().out
  )
  assert leaks.main(["paraphrase"]) == 0


@pytest.fixture
def published(monkeypatch):
  monkeypatch.setenv(data_files.VARIABLE, str(benchmark_files.folder()))


@pytest.mark.slow
@pytest.mark.parametrize("cluster", clusters.PAPER)
def test_published_files_share_nothing(published, cluster):
  trained, measured = leaks.of_cluster(cluster)
  if not trained or not measured:
    pytest.skip(
      f"data sets of {cluster} and of other clusters, no part of the repository, are not at hand;"
      " CODEGEN_JAX_BENCHMARKS names their folder"
    )
  assert leaks.shared(trained, measured) == {}


@pytest.mark.slow
def test_published_files_are_read_whole(published):
  here = [one for one in dataset.load().values() if sources.is_here(one)]
  if not here:
    pytest.skip(
      "no data set, none of which is part of the repository, is at hand; CODEGEN_JAX_BENCHMARKS"
      " names their folder"
    )
  for one in here:
    made = sources.examples(one)
    assert made["validation"] and (not one.trained or made["train"]), one.name
    trained, held = ({e.content for e in made.get(s, [])} for s in ("train", "validation"))
    assert len(trained & held) <= len(held) // 100, one.name  # published splits repeat a few


@pytest.mark.slow
def test_published_files_of_the_few_clusters_share_nothing_with_what_they_are_measured_on(
  published,
):
  every = dataset.load()
  trained, measured = (
    [name for name in names if sources.is_here(every[name])]
    for names in (
      clusters.may_be_trained_on(clusters.FEW_HELD_OUT, extra=True),
      [name for one in clusters.FEW_HELD_OUT for name in clusters.members(one, extra=True)],
    )
  )
  if not trained or not measured:
    pytest.skip(
      f"data sets, none of which is part of the repository, are not at hand; {data_files.VARIABLE}"
      " names their folder"
    )
  assert leaks.shared(trained, measured) == {}
