"""A scheduled program small enough to be timed by hand."""

# ruff: noqa: E501

# A loop of three around a product of 2,100 cycles and a gather that runs beside it; then a
# collective that nothing hides, an attention kernel, and a kernel whose cost nobody knows.
TEXT = """\
HloModule jit_train_step, is_scheduled=true

FileNames
1 "step.py"

%fused (a: bf16[128,64]) -> bf16[128,64] {
  %a = bf16[128,64]{1,0} parameter(0)
  ROOT %dynamic-update-slice.1 = bf16[3,128,64]{2,1,0} dynamic-update-slice(%a), metadata={op_name="jit(train_step)/jvp(Transformer)/while/body/dynamic_update_slice"}
}

%condition (state: (s32[], bf16[128,64])) -> pred[] {
  %state = (s32[], bf16[128,64]{1,0}) parameter(0)
  %i = s32[] get-tuple-element(%state), index=0
  %bound = s32[] constant(3)
  ROOT %less = pred[] compare(%i, %bound), direction=LT
}

%body (state.1: (s32[], bf16[128,64])) -> (s32[], bf16[128,64]) {
  %state.1 = (s32[], bf16[128,64]{1,0}) parameter(0)
  %x = bf16[128,64]{1,0} get-tuple-element(%state.1), index=1
  %gather.1 = (bf16[32,64]{1,0}, bf16[128,64]{1,0}) all-gather-start(%x), replica_groups=[1,4]<=[4], dimensions={0}
  %product = bf16[128,64]{1,0} fusion(%x), kind=kOutput, calls=%fused, metadata={op_name="jit(train_step)/dot_general"}, backend_config={"window_config":{"estimated_cycles":"2100"}}
  %gathered = bf16[128,64]{1,0} all-gather-done(%gather.1)
  ROOT %next = (s32[], bf16[128,64]{1,0}) tuple(%i.1, %gathered)
}

ENTRY %main (p: bf16[128,64]) -> bf16[128,64] {
  %p = bf16[128,64]{1,0} parameter(0)
  %zero = s32[] constant(0)
  %start = (s32[], bf16[128,64]{1,0}) tuple(%zero, %p)
  %loop = (s32[], bf16[128,64]{1,0}) while(%start), condition=%condition, body=%body
  %y = bf16[128,64]{1,0} get-tuple-element(%loop), index=1
  %sum = f32[1024,1024]{1,0} all-reduce(%y), replica_groups={{0,1,2,3}}, to_apply=%fused
  %prefix_attention_forward.2 = (bf16[2,4,256,64]{3,2,1,0}, f32[2,4,1,256]{3,2,1,0}) custom-call(%y), custom_call_target="tpu_custom_call"
  ROOT %odd = f32[1200,1000]{1,0} custom-call(%y), custom_call_target="tpu_custom_call"
}
"""

# What to replace in it so that the same gather goes on inside of the product.
CHAINED = {
  "%fused (a": """%starts (b: bf16[128,64]) -> bf16[128,64] {
  %g.1 = bf16[128,64]{1,0} all-gather(%b), channel_id=7, replica_groups=[1,4]<=[4], frontend_attributes={chain_id="0"}
  ROOT %c.1 = bf16[128,64]{1,0} custom-call(%g.1), custom_call_target="AsyncCollectiveStart"
}

%goes_on (b.1: bf16[128,64]) -> bf16[128,64] {
  ROOT %g.2 = bf16[128,64]{1,0} all-gather(%b.1), channel_id=7, replica_groups=[1,4]<=[4], frontend_attributes={chain_id="0"}
}

%ends (b.2: bf16[128,64]) -> bf16[128,64] {
  %g.3 = bf16[128,64]{1,0} all-gather(%b.2), channel_id=7, replica_groups=[1,4]<=[4], frontend_attributes={chain_id="0"}
  ROOT %c.3 = bf16[128,64]{1,0} custom-call(%g.3), custom_call_target="AsyncCollectiveDone"
}

%fused (a""",
  "(bf16[32,64]{1,0}, bf16[128,64]{1,0}) all-gather-start(%x), replica_groups=[1,4]<=[4], dimensions={0}": "bf16[128,64]{1,0} fusion(%x), kind=kCustom, calls=%starts",
  "fusion(%x), kind=kOutput, calls=%fused,": "fusion(%x), kind=kOutput, calls=%goes_on,",
  "all-gather-done(%gather.1)": 'fusion(%gather.1), kind=kCustom, calls=%ends, backend_config={"estimated_cycles":"105"}',
}
