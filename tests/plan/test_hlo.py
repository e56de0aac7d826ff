"""The text of a compiled program, read."""

import pytest

from codegen_jax.plan import hlo
from tests.plan.programs import TEXT

MODULE = hlo.parse(TEXT)


def test_computations_keep_the_order_of_their_schedule():
  assert MODULE.entry == "main"
  assert [*MODULE.computations] == ["fused", "condition", "body", "main"]
  assert [*MODULE.computations["body"]] == [
    *("state.1", "x", "gather.1", "product", "gathered", "next"),
  ]


def test_an_instruction_knows_its_operands_and_what_it_calls():
  product = MODULE.computations["body"]["product"]
  assert (product.opcode, product.operands) == ("fusion", ("x",))
  assert product.called("calls") == "fused"
  assert product.attribute(r'"estimated_cycles":"(\d+)"') == "2100"
  # Computations that it calls are not operands.
  assert MODULE.computations["main"]["loop"].operands == ("start",)


@pytest.mark.parametrize(
  ("shape", "size"),
  [
    ("bf16[128,64]{1,0:T(8,128)(2,1)}", 128 * 64 * 2),
    ("(f32[2,3]{1,0}, s4[8]{0}, pred[])", 24 + 4 + 1),
    ("f32[]", 4),
    ("token[]", 0),
  ],
)
def test_bytes_are_those_of_all_arrays_of_a_shape(shape, size):
  assert hlo.num_bytes(shape) == size


def test_a_loop_runs_as_often_as_its_condition_says():
  assert hlo.trip_count(MODULE, "main", MODULE.computations["main"]["loop"]) == 3


def test_a_bound_that_was_hoisted_out_of_the_condition_is_found():
  hoisted = (
    TEXT.replace("%bound = s32[] constant(3)", "%bound = s32[] get-tuple-element(%state), index=2")
    .replace("%zero = s32[] constant(0)", "%zero = s32[] constant(0)\n  %n = s32[] constant(17)")
    .replace("%start = (s32[], bf16[128,64]{1,0}) tuple(%zero, %p)",
             "%start = (s32[], bf16[128,64]{1,0}, s32[]) tuple(%zero, %p, %n)")
  )  # fmt: skip
  module = hlo.parse(hoisted)
  assert hlo.trip_count(module, "main", module.computations["main"]["loop"]) == 17


def test_a_loop_without_a_bound_is_told_apart():
  module = hlo.parse(TEXT.replace("constant(3)", "parameter(1)"))
  assert hlo.trip_count(module, "main", module.computations["main"]["loop"]) is None


def test_text_that_is_no_program_is_refused():
  with pytest.raises(ValueError, match="no entry computation"):
    hlo.parse("HloModule empty\n")
