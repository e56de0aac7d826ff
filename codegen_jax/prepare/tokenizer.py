"""`codegen-jax prepare tokenizer`: a byte-level BPE learned from prepared text."""

from collections.abc import Iterator
import pathlib
from typing import Any

from codegen_jax.data import make_tokenizer
from codegen_jax.prepare import stages
from codegen_jax.prepare.document import sha256
from codegen_jax.prepare.run import Texts
from codegen_jax.prepare.tally import Tally


def train(
  made: Texts, out: pathlib.Path, *, vocab_size: int, num_masks: int, sample_bytes: int
) -> dict[str, Any]:
  """From all that is left of a corpus, or from about so many bytes of it, by a hash of each text.

  Memory holds the counts of words, not the text.
  """
  total = made.told().kept_bytes
  share = min(1.0, sample_bytes / max(total, 1))
  tally = Tally()

  def sample() -> Iterator[str]:
    for number in range(made.count):
      for document in stages.surviving(made.work, number, made.config, Tally()):
        if int.from_bytes(sha256(document.text)[:8], "big") < share * 2**64:
          tally.keep(document.language, len(document.text.encode()))
          yield document.text

  make_tokenizer.train(sample(), vocab_size=vocab_size, num_masks=num_masks, out=out)
  return {"documents": tally.kept, "bytes": tally.kept_bytes, "languages": dict(tally.languages)}
