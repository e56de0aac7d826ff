"""PrepareConfig: what a gin file of gin_configs/prepare fills."""

import dataclasses

from codegen_jax.errors import InputError
from codegen_jax.prepare.decontaminate import Decontamination
from codegen_jax.prepare.document import Stage
from codegen_jax.prepare.encoding import Encoding
from codegen_jax.prepare.minhash import NearDuplicates
from codegen_jax.prepare.reading import Reading
from codegen_jax.prepare.write import Writing


@dataclasses.dataclass(frozen=True)
class PrepareConfig:
  """The whole way of a corpus.

  Attributes:
    name: of the data set.
    reading: fields and parts.
    encoding: bytes as text.
    filters: stages in their order, before copies are looked for.
    decontamination: of which benchmarks no document may hold a part; None: none.
    exact: whether copies go that are equal in every byte.
    near: which documents count as copies too; None: none.
    finish: stages in their order, of what is left: personal data, a line with the language.
    writing: shuffle and shards.
  """

  name: str
  reading: Reading
  encoding: Encoding
  filters: tuple[Stage, ...]
  decontamination: Decontamination | None
  exact: bool
  near: NearDuplicates | None
  finish: tuple[Stage, ...]
  writing: Writing

  def __post_init__(self):
    if not self.name.isidentifier() or self.name != self.name.lower():
      raise InputError(f"NAME is {self.name!r}; a data set is called like a variable: the_stack")
