"""A language model that reads text: a vocabulary learned from Python's library, random weights."""

import dataclasses
import functools
import json
import pathlib
import re
import tempfile

import numpy as np

from codegen_jax.data import vocabulary
from codegen_jax.inference.language_model import LanguageModel
from tests import tiny

IDS = 400
CONFIG = dataclasses.replace(tiny.CONFIG, vocab_size=IDS)
SOURCE = pathlib.Path(json.__file__).parent


@functools.cache
def make_vocabulary() -> vocabulary.ByteLevelBPE:
  texts = [path.read_text("utf-8") for path in sorted(SOURCE.glob("*.py"))]
  out = pathlib.Path(tempfile.mkdtemp()) / "tokenizer.json"
  return vocabulary.ByteLevelBPE(vocabulary.train(texts, vocab_size=IDS, out=out, num_masks=2))


@functools.cache
def make_model(
  attention: str = "causal", *, space: float = 0.0, doubt: float = 1.0
) -> LanguageModel:
  """With `space`, tokens of a space and letters are so much likelier: it speaks in words.

  Logits are divided by `doubt`: the order of the tokens stays, and nothing is very unlikely.
  """
  params = tiny.random_params(np.random.default_rng(5), CONFIG)
  names = make_vocabulary()
  words = [re.fullmatch(rb" [a-z]+", names.to_bytes(np.array([i]))) for i in range(IDS)]
  bias = params["head"]["bias"] + np.float32(space) * np.array([bool(word) for word in words])
  params["head"]["bias"] = bias.astype(np.float32)
  params["head"] = {name: leaf / np.float32(doubt) for name, leaf in params["head"].items()}
  return LanguageModel(params, CONFIG, attention=attention, vocabulary=names, chunk=4, step=7)
