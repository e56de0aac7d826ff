"""MinHash signatures of texts, by rensa, and their bands.

  text --> runs of 5 words --> signature of 128 minima --> 32 bands of 4, each one hash

Two texts that share a share s of their runs agree in a band with probability s^rows, and in at
least one of them with 1 - (1 - s^rows)^bands.
"""

import dataclasses

from jaxtyping import Bool, UInt32, UInt64
import numpy as np

from codegen_jax.errors import InputError
from codegen_jax.prepare import words


@dataclasses.dataclass(frozen=True)
class NearDuplicates:
  """Which documents count as copies of one another.

  Attributes:
    threshold: the Jaccard similarity of runs of words, estimated by signatures.
    shingle: words in a run.
    bands: a pair is compared when all of a band's rows agree; more bands find more pairs.
    rows: of a band; more rows compare fewer pairs.
    seed: of the hashes.
    least_words: shorter documents are only compared exactly.
  """

  threshold: float = 0.7
  shingle: int = 5
  bands: int = 32
  rows: int = 4
  seed: int = 1
  least_words: int = 10

  def __post_init__(self):
    if not 0 < self.threshold <= 1 or min(self.shingle, self.bands, self.rows) < 1:
      raise InputError(
        f"NearDuplicates has threshold {self.threshold}, shingle {self.shingle}, bands"
        f" {self.bands} and rows {self.rows}; the first lies in (0, 1], the others are 1 or more"
      )

  @property
  def size(self) -> int:
    """Of a signature."""
    return self.bands * self.rows

  def signatures(self, found: words.Words) -> UInt32[np.ndarray, "texts size"]:
    import rensa

    hashes = words.grams(found.hashes, self.shingle)[words.whole(found, self.shingle)]
    offsets = words.gram_offsets(found, self.shingle)
    matrix = rensa.RMinHash.digest_matrix_from_flat_token_hashes(
      np.ascontiguousarray(hashes), offsets.astype(np.uint64), self.size, self.seed
    )
    return np.array(matrix.to_rows(), np.uint32).reshape(-1, self.size)

  def comparable(self, found: words.Words) -> Bool[np.ndarray, " texts"]:
    """Which texts have words enough."""
    return np.diff(found.offsets) >= max(self.least_words, self.shingle)

  def band_hashes(
    self, signatures: UInt32[np.ndarray, "texts size"], bands: slice = slice(None)
  ) -> UInt64[np.ndarray, "texts bands"]:
    """One hash for each band, or for some, which two bands of one text do not share."""
    rows = signatures.reshape(len(signatures), self.bands, self.rows)[:, bands].astype(np.uint64)
    total = np.zeros(rows.shape[:2], np.uint64) + np.arange(self.bands, dtype=np.uint64)[bands]
    for row in range(self.rows):
      total = words.mixed(total ^ rows[:, :, row])
    return total

  def chance(self, similarity: float) -> float:
    """That a pair is compared."""
    return 1 - (1 - similarity**self.rows) ** self.bands
