import io
import re

import pytest

from codegen_jax.training.progress import Progress


class Terminal(io.StringIO):
  def isatty(self) -> bool:
    return True


def shown(stream: io.StringIO, *updates: tuple[int, float], total: int = 200) -> str:
  progress = Progress("prefix-0", total, stream)
  for step, seconds_per_step in updates:
    progress.update(
      step, loss=2.34567, tokens_per_second=12345.6, seconds_per_step=seconds_per_step
    )
  return stream.getvalue()


def test_a_pipe_gets_lines():
  assert shown(io.StringIO(), (10, 125.2 / 190)) == (
    "prefix-0  step  10/200  loss 2.3457  12,346 tokens/s  2:05 left\n"
  )


def test_a_terminal_gets_one_line_that_is_rewritten():
  assert shown(Terminal(), (10, 59.6 / 190)) == (
    "prefix-0  step  10/200  loss 2.3457  12,346 tokens/s  1:00 left\x1b[K\r"
  )


@pytest.mark.parametrize("stream", [io.StringIO, Terminal])
def test_the_last_step_is_always_shown_and_stays(stream):
  text = shown(stream(), *[(step, 1.0) for step in range(1, 201)])
  first, *_, last = re.split("[\r\n]", text.removesuffix("\n"))
  assert "step   1/200" in first
  assert "step 200/200" in last and "0:00 left" in last
  assert text.endswith("\n")
  assert text.count("step") <= 3  # the others came too soon after the first


def test_a_note_carries_the_label():
  stream = io.StringIO()
  Progress("prefix-0", 200, stream).note("continues from step 40")
  assert stream.getvalue() == "prefix-0  continues from step 40\n"
