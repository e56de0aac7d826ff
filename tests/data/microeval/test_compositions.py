"""What is held out is not trained on: no composition, in no order, with no constants."""

from codegen_jax.data.microeval import compositions, functions, primitives
from codegen_jax.data.microeval.primitives import BY_NAME


def keys(name: str) -> set[tuple[str, ...]]:
  every = [one for n in compositions.LENGTHS for _, one in compositions.split(name, n)]
  return {compositions.key(one) for one in every}


def test_no_held_out_composition_is_trained_on_in_any_order():
  train, held_out = keys("train"), keys("validation")
  assert not train & held_out
  assert 0.15 < len(held_out) / len(train | held_out) < 0.25


def test_functions_keep_to_their_split():
  for split in ("train", "validation"):
    for index in range(100):
      one = functions.function(split, index)
      composition = tuple(step.primitive for step in one.steps)
      assert compositions.is_held_out(composition) == (split == "validation")


def test_each_split_has_every_primitive_at_every_length():
  for split in ("train", "validation"):
    for length in compositions.LENGTHS:
      seen = {one.name for _, many in compositions.split(split, length) for one in many}
      assert seen == {*BY_NAME}


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
