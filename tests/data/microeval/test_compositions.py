"""What is held out is not trained on: in no order, with no constants, as no part."""

from collections import Counter
import itertools

import pytest

from codegen_jax.data.microeval import compositions, functions, primitives
from codegen_jax.data.microeval.primitives import BY_NAME


def keys(name: str) -> set[tuple[str, ...]]:
  every = [one for n in compositions.LENGTHS for _, one in compositions.split(name, n)]
  return {compositions.key(one) for one in every}


def test_no_held_out_composition_is_trained_on_in_any_order():
  train, held_out = keys("train"), keys("validation")
  assert not train & held_out


def test_no_held_out_composition_is_a_part_of_a_trained_one():
  train, held_out = keys("train"), keys("validation")
  for names in train:
    for length in compositions.LENGTHS:
      assert not {*itertools.combinations(names, length)} & held_out, names


def test_one_that_holds_a_held_out_pair_is_in_neither_split():
  train, held_out = keys("train"), keys("validation")
  assert ("even", "plus") in train and ("even", "negate") in held_out
  assert ("even", "negate", "plus") not in train | held_out


def test_functions_keep_to_their_split():
  for split in ("train", "validation"):
    for index in range(100):
      one = functions.function(split, index)
      composition = tuple(step.primitive for step in one.steps)
      assert compositions.has_held_out_part(composition) == (split == "validation")


def test_each_split_has_every_primitive_at_every_length():
  for split in ("train", "validation"):
    for length in compositions.LENGTHS:
      seen = {one.name for _, many in compositions.split(split, length) for one in many}
      assert seen == {*BY_NAME}


def test_the_split_is_that_of_every_machine():
  assert [len(compositions.split("train", n)) for n in (2, 3)] == [550, 4601]
  assert [len(compositions.split("validation", n)) for n in (2, 3)] == [123, 2062]


def test_the_split_looks_at_names_alone():
  even, plus = BY_NAME["even"], BY_NAME["plus"]
  assert compositions.key((even, plus)) == compositions.key((plus, even)) == ("even", "plus")
  assert compositions.is_held_out((even, plus)) == compositions.is_held_out((plus, even))


def test_types_fit_and_nothing_follows_an_end():
  for split in ("train", "validation"):
    for takes, composition in compositions.split(split, 3):
      here = takes
      for primitive in composition:
        assert here in primitive.takes
        here = primitive.after(here)


def test_names_are_unique():
  assert len(BY_NAME) == len(primitives.ALL)


@pytest.mark.parametrize("takes", primitives.LISTS)
def test_no_two_steps_are_written_or_said_alike(takes):
  # Else a held-out composition would be trained on under another name, as the multiples of 2 are.
  steps = [
    (primitive, k)
    for primitive in primitives.ALL
    for k in primitive.constants or (None,)
    if takes in primitive.takes
  ]
  for ways in (
    [(one.code.format(x="x", xs="xs", k=k)) for one, k in steps],
    [way.format(k=k) for one, k in steps for way in one.says],
    [one.noun.format(of="xs", k=k) for one, k in steps],
  ):
    assert [way for way, count in Counter(ways).items() if count > 1] == []
