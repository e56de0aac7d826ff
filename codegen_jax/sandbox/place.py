"""Where programs run: what a worker asks of it, whatever keeps the programs in."""

from typing import Protocol, runtime_checkable

from codegen_jax.sandbox import processes


@runtime_checkable
class Place(Protocol):
  """One program at a time, as a child of this process."""

  def home(self) -> str:
    """An empty folder for the next program; its name stays."""
    ...

  def become_program(self) -> None:
    """Called in the forked child, before anything of the program's runs."""
    ...

  def running(self) -> list[processes.Use]:
    """What the processes of the program use."""
    ...

  def end(self) -> list[processes.Ended]:
    """Kills them all, and tells what they were."""
    ...

  def leave(self) -> None:
    """Removes what would outlive this process."""
    ...
