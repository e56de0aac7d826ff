import signal
import threading

import pytest

from codegen_jax import interrupts


@pytest.fixture(autouse=True)
def heard():
  """A shell starts what runs in its background deaf to Ctrl-C, and this may be run so."""
  before = signal.signal(signal.SIGINT, signal.default_int_handler)
  yield
  signal.signal(signal.SIGINT, before)


def test_an_interrupt_waits_for_the_end_of_the_block():
  with pytest.raises(KeyboardInterrupt), interrupts.held_back() as held:
    assert not held.pressed
    signal.raise_signal(signal.SIGINT)
    assert held.pressed
    held = "reached"
  assert held == "reached"
  with pytest.raises(KeyboardInterrupt):  # and outside, Ctrl-C is what it was
    signal.raise_signal(signal.SIGINT)


def test_a_second_interrupt_does_not_wait():
  with pytest.raises(KeyboardInterrupt), interrupts.held_back():
    signal.raise_signal(signal.SIGINT)
    signal.raise_signal(signal.SIGINT)
    pytest.fail("it waited")


def test_an_error_inside_is_not_hidden_by_an_interrupt():
  with pytest.raises(ZeroDivisionError), interrupts.held_back():
    signal.raise_signal(signal.SIGINT)
    raise ZeroDivisionError


def test_another_thread_may_use_it():
  ran = []

  def work():
    with interrupts.held_back():
      ran.append(True)

  thread = threading.Thread(target=work)
  thread.start()
  thread.join()
  assert ran == [True]
