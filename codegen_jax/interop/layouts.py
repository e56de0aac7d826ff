"""How a weight of ours lies in a tensor of theirs, whose matrices are [out, in].

            ours             theirs
Same        [V D], [D]       the same
Transposed  [D F]            [F D]
HeadsIn     [D N H]          rows of [R D], of which there may be more than these
HeadsOut    [N H D]          [D N*H]
"""

import dataclasses
from typing import Any, Protocol, runtime_checkable

from jaxtyping import Int
import numpy as np

Index = tuple[slice, ...]
Shape = tuple[int, ...]


@runtime_checkable
class View(Protocol):
  """A tensor on disk: what is indexed is read, and nothing else."""

  def __getitem__(self, index: Any, /) -> Any:
    """A numpy array."""


@runtime_checkable
class Layout(Protocol):
  """One weight of one layer, or one that no layer has."""

  def theirs(self, ours: Shape) -> Shape:
    """The shape of the tensor that holds a weight of this shape."""

  def read(self, tensor: View, index: Index) -> np.ndarray:
    """A part of our weight, as a device wants it."""

  def write(self, tensor: np.ndarray, weight: np.ndarray) -> None:
    """Puts our weight where it belongs in the tensor."""


@dataclasses.dataclass(frozen=True)
class Same:
  """Vectors, and the table of embeddings."""

  def theirs(self, ours: Shape) -> Shape:
    return ours

  def read(self, tensor: View, index: Index) -> np.ndarray:
    return tensor[index if len(index) > 1 else index[0]]

  def write(self, tensor: np.ndarray, weight: np.ndarray) -> None:
    tensor[:] = weight


@dataclasses.dataclass(frozen=True)
class Transposed:
  """Matrices of the MLP, and the head."""

  def theirs(self, ours: Shape) -> Shape:
    return ours[::-1]

  def read(self, tensor: View, index: Index) -> np.ndarray:
    return tensor[index[::-1]].T

  def write(self, tensor: np.ndarray, weight: np.ndarray) -> None:
    tensor[:] = weight.T


@dataclasses.dataclass(frozen=True, eq=False)
class HeadsIn:
  """Queries, keys or values.

  Attributes:
    rows: of their tensor, for each dimension of each of our heads; those of a head lie together.
    of: how many rows their tensor has.
  """

  rows: Int[np.ndarray, "N H"]
  of: int

  def theirs(self, ours: Shape) -> Shape:
    return self.of, ours[0]

  def read(self, tensor: View, index: Index) -> np.ndarray:
    embed, heads, dims = index
    found = []
    for head in self.rows[heads, dims]:
      first, last = int(head.min()), int(head.max()) + 1
      found.append(tensor[first:last, embed][head - first])
    return np.stack(found).transpose(2, 0, 1)

  def write(self, tensor: np.ndarray, weight: np.ndarray) -> None:
    tensor[self.rows.reshape(-1)] = weight.transpose(1, 2, 0).reshape(-1, weight.shape[0])


@dataclasses.dataclass(frozen=True)
class HeadsOut:
  """What brings the heads back into the residual stream."""

  head_dim: int

  def theirs(self, ours: Shape) -> Shape:
    return ours[2], ours[0] * ours[1]

  def read(self, tensor: View, index: Index) -> np.ndarray:
    heads, dims, embed = index
    first, last = (n and n * self.head_dim for n in (heads.start, heads.stop))
    columns = tensor[embed, first:last]
    return columns.reshape(len(columns), -1, self.head_dim).transpose(1, 2, 0)[:, dims]

  def write(self, tensor: np.ndarray, weight: np.ndarray) -> None:
    tensor[:] = weight.reshape(-1, weight.shape[2]).T


@dataclasses.dataclass(frozen=True)
class Origin:
  """Where a weight of ours is found.

  Attributes:
    tensor: its name, with {} for the number of a layer.
    layout: how it lies there.
  """

  tensor: str
  layout: Layout

  @property
  def of_layers(self) -> bool:
    """Whether ours is a stack of one from each layer."""
    return "{}" in self.tensor

  def tensors(self, num_layers: int) -> list[str]:
    """The tensors that it is made of, layer by layer."""
    return [self.tensor.format(i) for i in range(num_layers)] if self.of_layers else [self.tensor]


Origins = dict[str, Origin]  # by the name of our weight, "blocks/mlp/in/kernel"
