"""A plan as text for a terminal."""

from collections.abc import Iterator
import textwrap

from codegen_jax.plan.compiled import Memory
from codegen_jax.plan.estimate import Estimate
from codegen_jax.plan.plan import ERROR, METHOD, DecodePlan, Plan

_GIB = 2**30


def text(plan: Plan | DecodePlan) -> str:
  return "\n".join(_lines(plan))


def _lines(plan: Plan | DecodePlan) -> Iterator[str]:
  model, data = plan.config.model, plan.config.data
  mesh = ", ".join(f"{axis} {size}" for axis, size in plan.mesh.items())
  yield f"{plan.topology}, {plan.topology.chips} chips; mesh {mesh}"
  size = f"{model.num_params / 1e9:.2f}B parameters, {model.num_layers} layers"
  if isinstance(plan, Plan):
    yield (
      f"{size}; {data.batch_size:,} x {data.seq_len:,} = {plan.tokens_per_step:,} tokens a step;"
      f" remat {model.remat}, attention {model.attention_kernel}"
    )
  else:
    yield f"{size}; one token for each of {plan.rows:,} rows with {data.seq_len:,} slots"
  yield ""
  yield from _memory(plan.memory)
  if plan.estimate is None:
    yield ""
    yield (
      "It does not fit.  Less memory is needed by a mesh that splits more, remat full, more"
      " microbatches or loss chunks, or a smaller batch; --sweep tries some."
    )
    return
  yield ""
  yield from _time(plan.estimate)
  yield ""
  yield from _collectives(plan.estimate)
  yield ""
  if isinstance(plan, Plan):
    yield from _budget(plan)
  else:
    yield f"{plan.rows / plan.estimate.seconds:,.0f} tokens a second of all rows together"
  yield ""
  yield from textwrap.wrap(f"This is a compile-time estimate.  {METHOD}  {ERROR}", 100)


def _memory(memory: Memory) -> Iterator[str]:
  rows = {
    **memory.held,
    "kept activations": memory.activations,
    "temporaries": memory.temporaries,
  }
  yield f"{'memory of one chip':30}{'GiB':>9}"
  for name, size in rows.items():
    if size is not None:
      yield f"  {name:28}{size / _GIB:9.2f}"
  spare = (memory.available - memory.total) / _GIB
  verdict = f"fits, {spare:.2f} to spare" if memory.fits else f"does NOT fit: {-spare:.2f} too many"
  yield (
    f"  {'together':28}{memory.total / _GIB:9.2f}  of {memory.available / _GIB:.2f}: {verdict}"
  )


def _time(of: Estimate) -> Iterator[str]:
  rows = {
    "matrix multiplications": of.matmul_seconds,
    "attention": of.attention_seconds,
    "other computation": of.other_seconds,
    "waiting for collectives": of.exposed_seconds,
  }
  yield f"{'time of a step, estimated':30}{'seconds':>9}"
  for name, seconds in rows.items():
    yield f"  {name:28}{seconds:9.4f}"
  yield f"  {'together':28}{of.seconds:9.4f}  ({of.serial_seconds:.4f} if nothing overlapped)"
  if of.unknown:
    listed = ", ".join(f"{count} {name}" for name, count in sorted(of.unknown.items()))
    yield f"  not known, and counted as little: {listed}"


def _collectives(of: Estimate) -> Iterator[str]:
  yield f"{'collectives of one chip':30}{'seconds':>9}{'GB':>9}{'number':>9}"
  for kind in sorted(of.collective_seconds, key=lambda kind: -of.collective_seconds[kind]):
    seconds, gigabytes = of.collective_seconds[kind], of.collective_bytes[kind] / 1e9
    yield f"  {kind:28}{seconds:9.4f}{gigabytes:9.2f}{of.collective_counts[kind]:9,}"


def _budget(plan: Plan) -> Iterator[str]:
  per_second = plan.tokens_per_second
  yield (
    f"utilisation {plan.utilisation():.3f} of peak ({plan.utilisation(whole=True):.3f} counting"
    " attention in full, as a run's throughput/mfu does)"
  )
  yield f"{per_second:,.0f} tokens a second, {per_second * 86_400 / 1e9:,.1f}B a day"
  yield (
    f"{plan.budget / 1e9:,.1f}B tokens: {plan.days:,.1f} days,"
    f" {plan.days * 24 * plan.topology.chips:,.0f} chip-hours"
  )
