"""How a run ends that did not get to its end, and is no bug."""


class InputError(ValueError):
  """Something the user gave cannot work: a config, a file, a folder, a flag.

  The message is one sentence that says what came in, what was expected and the likely fix.  The
  command line prints it without a traceback and exits with code 2; every other exception is a bug
  of ours and keeps its traceback.
  """


class Diverged(ArithmeticError):  # noqa: N818 (an event, not an error)
  """The loss is no longer a number: a sentence, and the step."""

  def __init__(self, sentence: str, step: int):
    super().__init__(sentence, step)
    self.sentence, self.step = sentence, step

  def __str__(self) -> str:
    return self.sentence


class Preempted(Exception):  # noqa: N818 (an event, not an error)
  """The machine is being taken away; the step in args[0] is saved."""
