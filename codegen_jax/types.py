"""The types that every part shares, and the glossary of axis letters.

B batch, L length, S keys seen, D embed, N heads, H head_dim, F mlp, V vocab
"""

from typing import TYPE_CHECKING, Any

import flax.struct
import jax
from jaxtyping import Bool, Int
import numpy as np

Array = jax.Array | np.ndarray
if TYPE_CHECKING:
  Shaped = Array
else:  # a batch that is compiled for holds shapes and places
  Shaped = Array | jax.ShapeDtypeStruct | jax.stages.ArgInfo
PyTree = Any
Params = PyTree  # nested dicts of arrays
Metrics = dict[str, Any]  # name -> scalar


@flax.struct.dataclass
class Batch:
  """What every objective ends as, and every model and loss begins with.

  inputs        a  b  c </s>  d  e  .
  targets       b  c </s>  .  e  .  .
  loss_mask     1  1  1    0  1  0  0
  prefix_mask   1  1  0    0  1  0  0
  segment_ids   1  1  1    1  2  2  0
  positions     0  1  2    3  0  1  0
  """

  inputs: Int[Shaped, "B L"]  # what the model reads
  targets: Int[Shaped, "B L"]  # what it should say next
  loss_mask: Bool[Shaped, "B L"]  # which targets the objective wants scored
  prefix_mask: Bool[Shaped, "B L"]  # which inputs belong to a prefix that may be read both ways
  segment_ids: Int[Shaped, "B L"]  # 0 is padding; 1, 2, ... number the documents of a row
  positions: Int[Shaped, "B L"]  # position inside the document
