"""What an arm's CODE and PROSE stand for."""

import pytest

from codegen_jax import config
from codegen_jax.errors import InputError
from codegen_jax.run_config import RunConfig, fill

ARM = "gin_configs/ablations/lesson1_prefix.gin"


def load(*bindings: str, files: tuple[str, ...] = (ARM,)) -> RunConfig:
  return config.load(RunConfig, files, bindings).config


def test_a_scale_says_what_the_corpora_of_an_arm_are():
  run = load("CODE = 'the_stack'", "CODE_AND_PROSE = 'both'")
  assert run.train.data.mixture == "both_prefix_lm"
  assert run.evaluation.held_out == (
    "the_stack_prefix_lm", "local_prose_prefix_lm", "the_stack_clm", "local_prose_clm",
  )  # fmt: skip


def test_names_are_filled_wherever_a_config_has_a_text():
  run = load("EVALUATE_EVERY = 5", "STOP_BY = '{CODE}_clm/bits_per_byte'")
  assert run.train.early_stopping.metric == "local_code_clm/bits_per_byte"


def test_a_config_that_names_no_corpus_is_left_as_it_is():
  run = load("MIXTURE = 'local_code_clm'", "HELD_OUT = ()")
  assert run.train.data.mixture == "local_code_clm"
  assert run.train.optimizer is RunConfig(run.train, run.evaluation).train.optimizer


def test_the_config_written_into_a_folder_means_the_same(tmp_path):
  loaded = config.load(RunConfig, (ARM,), ("CODE = 'the_stack'",))
  (tmp_path / "config.gin").write_text(loaded.gin_text)
  again = config.load(RunConfig, (str(tmp_path / "config.gin"),)).config
  assert again == loaded.config


@pytest.mark.parametrize(
  ("text", "said"),
  [
    ("{CODES}_clm", "names {CODES}, which stands for no corpus; did you mean {CODE}"),
    ("{X}_clm", "known are CODE"),
  ],
)
def test_a_name_that_stands_for_nothing_is_a_sentence(text, said):
  with pytest.raises(InputError, match=said):
    fill(text, {"CODE": "local_code"})
