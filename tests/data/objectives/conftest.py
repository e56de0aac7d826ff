"""A byte-level BPE that is small enough to cut characters in two, trained once."""

import json
import pathlib

import pytest

# Nothing of ours is imported up here: jaxtyping has to be watching when that happens.
FACES = "😀😃😄😁😆😅🤣😂🦊🐛"


@pytest.fixture(scope="session")
def bpe(tmp_path_factory):
  from codegen_jax.data import vocabulary

  code = [
    path.read_text("utf-8") for path in sorted(pathlib.Path(json.__file__).parent.glob("*.py"))
  ]
  # Faces begin with the same bytes, so some merges end within a character.
  text = "".join(f"{face} né à\r\n\t" for face in FACES) * 20
  out = tmp_path_factory.mktemp("bpe") / "tokenizer.json"
  return vocabulary.ByteLevelBPE(
    vocabulary.train([*code, text], vocab_size=500, out=out, num_masks=30)
  )
