"""Precision and recall on copies that were made on purpose."""

import numpy as np

from codegen_jax.prepare import words
from codegen_jax.prepare.minhash import NearDuplicates
from tests.prepare import copies


def test_copies_are_found_and_other_files_are_not():
  made = copies.make(40, seed=0)
  got = copies.found(made.texts, NearDuplicates())
  assert got <= made.pairs  # precision 1: no two files of different origin
  by_kind = made.recall(got)
  assert by_kind["reordered"] == by_kind["renamed"] == 1
  near = {pair for pair in made.pairs if copies.jaccard(made.texts, *pair) >= 0.75}
  assert len(near & got) >= 0.9 * len(near) > 50  # the threshold is 0.7 of an estimate
  assert not any(copies.jaccard(made.texts, *pair) < 0.55 for pair in got)


def test_a_threshold_of_one_finds_what_is_equal_in_its_words_alone():
  text = copies.make(1, seed=1).texts[0][-600:]
  texts = [text, text.replace("(", " ( "), text + "\nand_more = some other words at its end\n"]
  assert copies.found(texts, NearDuplicates(threshold=1.0)) == {(0, 1)}


def test_a_signature_does_not_depend_on_its_neighbours():
  made = copies.make(5, seed=2).texts
  near = NearDuplicates()
  together = near.signatures(words.words(made))
  apart = [near.signatures(words.words([text]))[0] for text in made]
  assert np.array_equal(together, np.stack(apart))
