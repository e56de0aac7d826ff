"""Requests in batches: equal prompts together, so that each is read once, and short ones apart."""

from collections.abc import Sequence
from typing import NamedTuple

from jaxtyping import Bool, Int, UInt32
import numpy as np

from codegen_jax.inference import lengths, sampling
from codegen_jax.inference.requests import Request

Read = tuple[tuple[int, ...], int]  # a prompt, and how many of its tokens are read both ways


class Arrays(NamedTuple):
  """A batch as programs read it.

  requests  f/0  f/1  g/0  .      prompts  f f f .      source  0 0 1 0
                                           g g . .
  """

  prompts: Int[np.ndarray, "prompts L"]  # different ones, padded behind
  prompt_lengths: Int[np.ndarray, " prompts"]  # of what is no prompt, 1
  both_ways: Int[np.ndarray, " prompts"]  # tokens that a PrefixLM reads so
  source: Int[np.ndarray, " B"]  # the prompt that each row continues
  names: UInt32[np.ndarray, "B 3"]
  done: Bool[np.ndarray, " B"]  # rows of no request


def read(request: Request) -> Read:
  """What has to be computed of a request before its first token."""
  opened = len(request.prompt) if request.both_ways is None else request.both_ways
  return request.prompt, opened


def split(requests: Sequence[Request], batch_size: int) -> list[list[Request]]:
  """Batches of at most so many, each of prompts in one bucket; short ones come first."""
  by_length: dict[int, dict[Read, list[Request]]] = {}
  for request in requests:
    of_length = by_length.setdefault(lengths.bucket(len(request.prompt)), {})
    of_length.setdefault(read(request), []).append(request)
  batches = []
  for _, of_length in sorted(by_length.items()):
    in_order = [request for of_prompt in of_length.values() for request in of_prompt]
    batches += [in_order[i : i + batch_size] for i in range(0, len(in_order), batch_size)]
  return batches


def arrays(batch: Sequence[Request], *, batch_size: int, ways: int) -> Arrays:
  """Rows are a multiple of `ways`, among which a mesh shares them."""
  places: dict[Read, int] = {}
  source = [places.setdefault(read(request), len(places)) for request in batch]
  num_prompts = lengths.rows(len(places), most=batch_size, ways=ways)
  num_rows = lengths.rows(len(batch), most=batch_size, ways=ways)
  prompts = np.zeros((num_prompts, max(lengths.bucket(len(p)) for p, _ in places)), np.int32)
  prompt_lengths, both_ways = np.ones(num_prompts, np.int32), np.ones(num_prompts, np.int32)
  for (prompt, opened), place in places.items():
    prompts[place, : len(prompt)] = prompt
    prompt_lengths[place], both_ways[place] = len(prompt), opened
  empty = num_rows - len(batch)
  names = [sampling.name_words(r.task, r.problem, r.sample) for r in batch]
  return Arrays(
    prompts,
    prompt_lengths,
    both_ways,
    np.array(source + [0] * empty, np.int32),
    np.array(names + [np.zeros(3, np.uint32)] * empty),
    np.arange(num_rows) >= len(batch),
  )
