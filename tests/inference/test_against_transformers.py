"""Greedy decoding, beam search and likelihoods of the same weights in transformers."""

import numpy as np
from numpy.testing import assert_allclose
import pytest

from codegen_jax.inference.language_model import LanguageModel
from codegen_jax.inference.requests import Request
from codegen_jax.inference.settings import SamplingConfig
from tests.inference.pieces import Pieces
from tests.test_parity import CONFIG, from_codegen

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
PROMPTS = ((5, 17, 3), (9,), (80, 2, 44, 6, 6, 11), (1, 2, 3, 4))
NEW = 12
ENDS = tuple(range(1, 96, 6))  # many, so that beams end early


@pytest.fixture(scope="module")
def theirs():
  network = transformers.CodeGenForCausalLM(
    transformers.CodeGenConfig(
      vocab_size=97, n_positions=64, n_ctx=64, n_embd=64, n_layer=3, n_head=8, rotary_dim=6,
      bos_token_id=None, eos_token_id=None, resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0,
    )
  ).eval()  # fmt: skip
  torch.manual_seed(0)
  with torch.no_grad():
    for parameter in network.parameters():
      parameter.add_(0.2 * torch.randn_like(parameter))
  return network


@pytest.fixture(scope="module")
def ours(theirs):
  params = from_codegen({name: p.numpy() for name, p in theirs.state_dict().items()})
  return LanguageModel(params, CONFIG, attention="causal", vocabulary=Pieces(), chunk=5)


def requests(samples: int = 1) -> list[Request]:
  return [Request("t", str(n), k, p) for n, p in enumerate(PROMPTS) for k in range(samples)]


def generated(theirs, prompt, **options):
  return theirs.generate(
    torch.tensor([prompt]), attention_mask=torch.ones(1, len(prompt)), do_sample=False,
    pad_token_id=96, return_dict_in_generate=True, output_scores=True, **options,
  )  # fmt: skip


def test_greedy_tokens_and_their_probabilities_are_those_of_transformers(theirs, ours):
  config = SamplingConfig(temperature=0.0, max_new_tokens=NEW, stop_tokens=())
  found = {c.request.prompt: c for c in ours.generate(requests(), config)}
  for prompt in PROMPTS:
    wanted = generated(theirs, prompt, max_new_tokens=NEW)
    tokens = wanted.sequences[0, len(prompt) :]
    assert found[prompt].tokens.tolist() == tokens.tolist()
    scores = torch.stack(wanted.scores, 1)[0].log_softmax(-1)
    said = scores[range(NEW), tokens]
    assert_allclose(found[prompt].log_probs, said.numpy(), atol=1e-4)


@pytest.mark.parametrize(
  ("beams", "ends", "penalty"),
  [(2, (), 1.0), (4, ENDS, 1.0), (3, ENDS, 0.0), (3, ENDS, 2.5)],
)
def test_beams_are_those_of_transformers(theirs, ours, beams, ends, penalty):
  config = SamplingConfig(
    temperature=0.0, num_beams=beams, length_penalty=penalty, max_new_tokens=NEW, stop_tokens=ends,
    batch_size=4 * beams,
  )  # fmt: skip
  found = {(c.request.prompt, c.request.sample): c for c in ours.generate(requests(beams), config)}
  lengths = set()
  for prompt in PROMPTS:
    wanted = generated(
      theirs, prompt, max_new_tokens=NEW, num_beams=beams, num_return_sequences=beams,
      length_penalty=penalty, eos_token_id=list(ends) or None,
    )  # fmt: skip
    for number in range(beams):
      got = found[prompt, number]
      sequence = wanted.sequences[number, len(prompt) :].tolist()
      size = len(got.tokens)
      lengths.add(size)
      assert got.tokens.tolist() == sequence[:size]
      assert {*sequence[size:]} <= {96}  # padding
      score = got.log_probs.sum() / size**penalty
      assert_allclose(score, float(wanted.sequences_scores[number]), atol=1e-4)
  if penalty == 0:
    assert len(lengths) > 1


def test_likelihoods_are_those_of_transformers(theirs, ours):
  pairs = [(p, tuple(np.random.default_rng(len(p)).integers(0, 97, 5).tolist())) for p in PROMPTS]
  for (context, continuation), got in zip(pairs, ours.log_likelihood(pairs), strict=True):
    with torch.no_grad():
      logits = theirs(torch.tensor([context + continuation])).logits[0]
    said = logits.log_softmax(-1)[len(context) - 1 : -1][range(5), continuation]
    assert_allclose(got.nats, -said.numpy(), atol=1e-4)
