"""FLAN's ablations: each loads at each scale, and no run has read anything of what it is asked."""

import functools
import pathlib

import pytest
import seqio

from codegen_jax.run_config import RunConfig
from experiments import experiment
from experiments.jobs import Flags, Jobs
from tasks.flan import clusters, dataset

NAMES = [name for name in experiment.names() if name.startswith("flan_")]
DATASETS = dataset.load()
LONGEST_FIRST = sorted(DATASETS, key=len, reverse=True)


@functools.cache
def jobs(name: str, scale: str) -> Jobs:
  asked = experiment.load(name)
  return Jobs(asked, scale=scale, seeds=(0,), folder=pathlib.Path("runs"), flags=Flags())


def data_sets(config: RunConfig, mixture: str) -> set[str]:
  """Those that a mixture names, whether or not they are on this machine."""
  prefix = f"{config.corpora['FLAN']}_"
  found = seqio.get_mixture_or_task(mixture.removesuffix("_present"))
  tasks = [task.name for task in getattr(found, "tasks", [found])]
  said = [name.removeprefix(prefix) for name in tasks if name.startswith(prefix)]
  return {next(one for one in LONGEST_FIRST if name.startswith(f"{one}_")) for name in said}


@pytest.mark.parametrize("scale", experiment.scales())
@pytest.mark.parametrize("name", NAMES)
def test_no_run_has_read_of_a_cluster_that_it_is_measured_on(name, scale):
  measured_at_all = False
  for place in jobs(name, scale).places():
    measured = {
      one
      for mixture in place.config.evaluation.held_out
      for one in data_sets(place.config, mixture)
    }
    # A prompt is tuned for what it is asked; what its weights have read is the question.
    own = place.config.train.data.mixture.endswith("_prompted")
    read = {
      one
      for before in place.chain()[: -1 if own else None]
      for one in data_sets(before.config, before.config.train.data.mixture)
    }
    asked = {cluster for one in measured for cluster in DATASETS[one].clusters}
    closed = clusters.held_out_with(asked)
    assert not [one for one in read if closed & {*DATASETS[one].clusters}], place.workdir
    measured_at_all |= bool(read and measured)
  assert measured_at_all


@pytest.mark.parametrize("scale", experiment.scales())
def test_what_is_tuned_and_what_was_not_are_one_network_that_reads_rows_of_one_length(scale):
  for name in NAMES:
    for place in jobs(name, scale).places():
      (first, *_), train = place.chain(), place.config.train
      assert train.model == first.config.train.model, name
      assert train.data.seq_len == first.config.train.data.seq_len >= 1024 + 256, name
      told = train.optimizer.warmup_steps + train.optimizer.anneal_steps
      assert told <= train.total_steps, name


def test_a_run_that_several_ablations_ask_for_is_trained_once():
  folders = [
    {place.workdir.parent.name.rpartition("-")[2] for place in jobs(name, "demo").places()}
    for name in ("flan_instructions", "flan_templates", "flan_few_shot", "flan_sizes")
  ]
  assert len(set.intersection(*folders)) == 2  # the untuned run, and that of ten templates
