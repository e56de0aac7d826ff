"""`codegen-jax sample`: its flags, and what it writes."""

import argparse
import io
import sys

import numpy as np
import pytest

from codegen_jax import main
from codegen_jax.errors import InputError
from codegen_jax.inference import command, flags
from codegen_jax.inference.requests import Completion
from tests.data.objectives.words import WORDS


class Echo:
  """Says each prompt's length and the sample's number."""

  def generate(self, requests, config, *, on_text=None):
    for request in requests:
      text = f"{len(request.prompt)}:{request.sample}"
      if on_text:
        for letter in text:
          on_text(request, letter)
      ended = "end token" if request.sample else "length"
      nothing = np.zeros(0, np.int32), text, ended, np.zeros(0, np.float32)
      yield Completion(request, *nothing)


def parsed(*argv: str) -> argparse.Namespace:
  parser = argparse.ArgumentParser()
  flags.add_to(parser.add_subparsers(), "")
  return parser.parse_args(["sample", "--workdir=w", *argv])


def test_one_answer_is_told_as_it_comes_and_several_have_numbers(capsys):
  command.run(Echo(), WORDS, parsed("--prompt=abc"))
  assert capsys.readouterr().out == "3:0\n"
  command.run(Echo(), WORDS, parsed("--prompt=abc", "--num_samples=2"))
  assert capsys.readouterr().out == "--- 0 (length)\n3:0\n--- 1 (end token)\n3:1\n"


def test_a_hole_is_filled_and_what_is_unfinished_is_counted(tmp_path, capsys):
  file = tmp_path / "half.txt"
  file.write_text("ab<FILL>c")
  command.run(Echo(), WORDS, parsed(f"--file={file}", "--layout=psm", "--num_samples=2"))
  said = capsys.readouterr()
  assert "6:0" in said.out
  assert said.err == "1 of 2 unfinished: no <|endoftext|> within 256 tokens\n"


def test_lines_that_come_in_are_prompts(monkeypatch, capsys):
  monkeypatch.setattr(sys, "stdin", io.StringIO("ab\n\nabc\n"))
  command.run(Echo(), WORDS, parsed())
  assert capsys.readouterr().out == "2:0\n3:0\n"


@pytest.mark.parametrize(
  ("argv", "said"),
  [
    (["--num_samples=0"], "--num_samples is 0; give a number from 1 on"),
    (["--top_p=2"], r"top_p is 2\.0"),
    (["--file=x", "--stop=y"], "--stop goes with a prompt"),
  ],
)
def test_flags_that_cannot_work_are_a_sentence_before_anything_is_loaded(argv, said):
  with pytest.raises(InputError, match=said):
    main.main(["sample", "--workdir=w", "--gin_file=g", *argv])


def test_a_file_that_is_not_there_is_a_sentence(tmp_path):
  with pytest.raises(InputError, match=r"cannot read --file=.*nowhere \(No such file"):
    command.run(Echo(), WORDS, parsed(f"--file={tmp_path / 'nowhere'}"))


def test_greedy_needs_no_other_flag():
  assert flags.settings(parsed("--temperature=0")).top_p == 1
  assert flags.settings(parsed()).top_p == 0.95
