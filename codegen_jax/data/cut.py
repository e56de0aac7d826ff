"""Where the rows of a corpus lie, and how many tokens each takes so that its objective has room."""

import bisect
import dataclasses
from fractions import Fraction
import functools
import itertools

from jaxtyping import Int64
import numpy as np

from codegen_jax.data import order
from codegen_jax.data.objectives import Objective
from codegen_jax.data.token_store import TokenStore
from codegen_jax.errors import InputError


@dataclasses.dataclass(frozen=True)
class Cut:
  """Rows of a corpus, each at a place that follows from its number alone.

  Objectives are dealt out: each run of `len(deal)` rows has every one of `deal`, in an order of its
  own, and each row as many tokens as its objective leaves room for.

      deal  a b    strides  3 2    num_tokens  12    [. . .][. .] [. .][. . .] [. .]
  """

  deal: tuple[Objective, ...]
  strides: tuple[int, ...]
  num_tokens: int

  @property
  def tokens_per_row(self) -> Fraction:
    return Fraction(sum(self.strides), len(self.strides))

  @functools.cached_property
  def num_rows(self) -> int:
    hands, left = divmod(self.num_tokens, sum(self.strides))
    begun = sum(start < left for start in itertools.accumulate(self.strides, initial=0))
    return hands * len(self.deal) + begun

  def whole_hands(self, rows: int) -> int:
    """So many rows, or the few more that are hands without a rest, which have one text."""
    return -(-rows // len(self.deal)) * len(self.deal)

  @property
  def num_drawn(self) -> int:
    """Rows that can be drawn: those of whole hands."""
    return self.num_rows // len(self.deal) * len(self.deal)

  def drawn(self, row: int, key: int) -> int:
    """A row of hands in an order of their own, of which a share is the first ones.

    Which text the rows of a hand have does not depend on how its cards are dealt.
    """
    hand, card = divmod(row, len(self.deal))
    hands = self.num_rows // len(self.deal)
    return order.permuted(hand, hands, key) * len(self.deal) + card

  def find(self, row: int, key: int) -> tuple[Objective, slice]:
    """The objective and the tokens of a row; `key` decides the order of each hand."""
    size = len(self.deal)
    hand, card = divmod(row, size)
    start, cards = hand * sum(self.strides), list(range(size))
    if size > 1 and start + sum(self.strides) <= self.num_tokens:  # else in order, to its end
      cards.sort(key=lambda card: order.stable_hash(key, hand, card))
    start += sum(self.strides[i] for i in cards[:card])
    stop = min(start + self.strides[cards[card]], self.num_tokens)
    return self.deal[cards[card]], slice(start, stop)


@dataclasses.dataclass(frozen=True, eq=False)
class WholeDocuments:
  """Rows of documents that are never cut: in their order, as many as fit.

      documents  a a b b b c d d    rows of 5    [a a b b b] [c d d]

  Attributes:
    objective: of every row.
    starts: the first token of each row, and the end.
  """

  objective: Objective
  starts: Int64[np.ndarray, " rows_and_end"]
  strides: tuple[int, ...] = ()  # they follow from the documents

  @property
  def num_rows(self) -> int:
    return len(self.starts) - 1

  @property
  def tokens_per_row(self) -> Fraction:
    return Fraction(int(self.starts[-1]), self.num_rows)

  def whole_hands(self, rows: int) -> int:
    """So many rows."""
    return rows

  @property
  def num_drawn(self) -> int:
    """Rows that can be drawn."""
    return self.num_rows

  def drawn(self, row: int, key: int) -> int:
    """A row in an order of which a share is the first ones."""
    return order.permuted(row, self.num_rows, key)

  def find(self, row: int, key: int) -> tuple[Objective, slice]:
    """The objective and the tokens of a row."""
    del key
    return self.objective, slice(*self.starts[row : row + 2].tolist())


def whole_documents(store: TokenStore, length: int, objective: Objective) -> WholeDocuments:
  """Fills rows with documents, each as long as its objective makes it.

  Raises:
    InputError: a document is longer than a row.
  """
  sizes, which = np.unique(np.diff(store.offsets), return_inverse=True)
  grown = (sizes + np.array([objective.growth(size) for size in sizes.tolist()]))[which]
  longest = int(grown.argmax())
  if grown[longest] > length:
    raise InputError(
      f"{store.paths[longest]} has {grown[longest]} tokens, is not to be cut, and a row has"
      f" {length}; set SEQ_LEN to {grown[longest]} or more, or let the task read less of it"
    )
  before = np.concatenate(([0], grown.cumsum()))  # tokens of the documents before each
  first = [0]  # document of each row
  while first[-1] < store.num_documents:
    first.append(int(before.searchsorted(before[first[-1]] + length, "right")) - 1)
  return WholeDocuments(objective, store.offsets[first].astype(np.int64))


def documents_in_a_row(store: TokenStore, length: int) -> int:
  """How many documents most rows of so many tokens hold: 19 of 20."""
  last = max(store.num_tokens - length, 0)
  starts = np.linspace(0, last, min(last + 1, 100_000)).astype(np.int64)
  stops = np.minimum(starts + length, store.num_tokens)
  first, after = store.offsets.searchsorted(starts, "right"), store.offsets.searchsorted(stops)
  return int(np.quantile(after - first + 1, 0.95, method="higher"))


def stride(objective: Objective, length: int, documents: int) -> int:
  """The most tokens that a row can take, and half a row where documents are too short for any."""
  fewest = length // 2
  fits = bisect.bisect_right(
    range(fewest + 1, length + 1), length, key=lambda n: n + objective.growth(n, documents)
  )
  return fewest + fits


def stride_for_documents(objective: Objective, length: int, store: TokenStore) -> int:
  """Documents have room in proportion: all but the shortest, which hold a hundredth of the text."""
  lengths = np.sort(np.diff(store.offsets))
  short = int(lengths[lengths.cumsum().searchsorted(store.num_tokens / 100)])
  return max((length - 2) * short // (short + objective.growth(short)), length // 2)
