"""The same objectives the usual way: TF ops in a tf.data pipeline, packed by seqio's converters.

Written as a seqio user would: documents are cut into pieces that fit a row, an objective is mapped
over them with stateless seeds, and a feature converter packs what it made.  Packing takes id 0 for
padding, so ids are one higher here than in the vocabulary.
"""

import bisect
from collections.abc import Sequence

import numpy as np
import seqio
import tensorflow as tf

from codegen_jax.data import special_tokens
from codegen_jax.data.objectives import (
  CODEGEN2,
  T5,
  FixedMeanSpans,
  SpanCorruption,
  UniformSpans,
)
from codegen_jax.data.objectives.sentinels import Vocabulary

# What our own rows hold is made by psm_token_prefix; psm_token leaves out which tokens are prefix.
OBJECTIVES = ("clm", "prefix_lm", "psm_token", "psm_token_prefix", "span_corruption", "t5")


def pipeline(
  objective: str, documents: Sequence[np.ndarray], vocabulary: Vocabulary, *, length: int, seed: int
) -> tf.data.Dataset:
  """One pass over documents, each of which ends in <|endoftext|>, as packed rows of `length`."""
  ids = np.concatenate(documents).astype(np.int32) + 1
  ragged = tf.RaggedTensor.from_row_lengths(ids, [len(document) for document in documents])
  dataset = tf.data.Dataset.from_tensor_slices({"targets": ragged})
  # Nothing outgrows its row, so the converters need not check lengths, which saves a third.
  pack = {"pack": True, "apply_length_check": False}
  whole_row = {"targets": length}
  both = {"inputs": length // 2, "targets": length - length // 2}  # only their sum is used
  with seqio.map_seed_manager(seed):
    match objective:
      case "clm":
        made = split(dataset, length)
        return seqio.LMFeatureConverter(**pack)(made, whole_row)
      case "psm_token":
        made = infill(split(dataset, length - 3), vocabulary, to_targets)
        return seqio.LMFeatureConverter(**pack)(made, whole_row)
      case "psm_token_prefix":
        made = infill(split(dataset, length - 3), vocabulary, to_inputs_and_targets)
        return seqio.PrefixLMFeatureConverter(loss_on_targets_only=False, **pack)(made, both)
      case "prefix_lm":
        made = prefix_lm(split(dataset, length))
        return seqio.PrefixLMFeatureConverter(**pack)(made, both)
      case "span_corruption":
        made = corrupt(dataset, SpanCorruption(vocabulary, UniformSpans(), CODEGEN2), length)
        return seqio.PrefixLMFeatureConverter(loss_on_targets_only=False, **pack)(made, both)
      case "t5":
        made = corrupt(dataset, SpanCorruption(vocabulary, FixedMeanSpans(), T5), length)
        return seqio.PrefixLMFeatureConverter(**pack)(made, both)
  raise ValueError(f"there is no {objective!r} here; choose one of {', '.join(OBJECTIVES)}")


def split(dataset: tf.data.Dataset, length: int) -> tf.data.Dataset:
  """Pieces of `length` tokens and what is left of each document."""

  @seqio.map_over_dataset
  def pieces(x):
    tokens = x["targets"]
    starts = tf.range(0, tf.size(tokens), length)
    return {"targets": tf.RaggedTensor.from_row_starts(tokens, starts, validate=False)}

  return pieces(dataset).unbatch()


def prefix_lm(dataset: tf.data.Dataset) -> tf.data.Dataset:
  """A b c d e  ->  inputs a b, targets c d e"""

  @seqio.map_over_dataset(num_seeds=1)
  def one(x, seed):
    tokens = x["targets"]
    n = tf.size(tokens)
    at = tf.random.stateless_uniform([], seed, tf.minimum(1, n - 1), tf.maximum(1, n), tf.int32)
    return {"inputs": tokens[:at], "targets": tokens[at:]}

  return one(dataset)


def infill(dataset: tf.data.Dataset, vocabulary: Vocabulary, features) -> tf.data.Dataset:
  """A b c d e f </s>  ->  <pre> a b <suf> e f, <mid> c d </s>"""
  pre, suf, mid, eos = (
    tf.constant([1 + vocabulary.special_id(name)])
    for name in (
      special_tokens.FIM_PREFIX,
      special_tokens.FIM_SUFFIX,
      special_tokens.FIM_MIDDLE,
      special_tokens.END_OF_TEXT,
    )
  )

  @seqio.map_over_dataset(num_seeds=1)
  def one(x, seed):
    body, end = without_end(x["targets"], eos)
    cuts = tf.random.stateless_uniform([2], seed, 0, tf.size(body) + 1, tf.int32)
    first, second = tf.reduce_min(cuts), tf.reduce_max(cuts)
    # PrefixLMFeatureConverter shifts what follows empty targets, so <mid> stands among them.
    return features((pre, body[:first], suf, body[second:]), (mid, body[first:second], end))

  return one(dataset)


def to_targets(prefix, rest):
  return {"targets": tf.concat(prefix + rest, 0)}


def to_inputs_and_targets(prefix, rest):
  return {"inputs": tf.concat(prefix, 0), "targets": tf.concat(rest, 0)}


def corrupt(dataset: tf.data.Dataset, objective: SpanCorruption, length: int) -> tf.data.Dataset:
  """A b c d </s>  ->  inputs a <mask_1> d </s> <sep>, targets <mask_1> b c <eom>"""
  vocabulary, form = objective.vocabulary, objective.form
  eos, between, after, at_end = (
    tf.constant([1 + vocabulary.special_id(name) for name in names], tf.int32)
    for names in ((special_tokens.END_OF_TEXT,), form.between, form.after_span, form.at_end)
  )
  masks = tf.constant(1 + vocabulary.mask_ids())
  num_after = len(form.after_span)
  fixed = 1 + len(form.between) + len(form.at_end)
  longest = bisect.bisect_right(range(1, length), length, key=lambda n: n + objective.growth(n))
  draw = uniform_spans if isinstance(objective.spans, UniformSpans) else fixed_mean_spans

  @seqio.map_over_dataset(num_seeds=4)
  def one(x, seeds):
    body, end = without_end(x["targets"], eos)
    n = tf.size(body)

    def corrupted():
      most = tf.minimum((length - fixed - n) // (2 + num_after), tf.size(masks))
      starts, lengths = draw(objective.spans, n, seeds, most)
      used = masks[: tf.size(starts)]
      text, spans = keep(body, starts, lengths, used), tell(body, starts, lengths, used, after)
      return tf.concat((text, eos, between), 0), tf.concat((spans, at_end), 0)

    def as_it_was():
      return tf.zeros([0], tf.int32), tf.concat((body, end), 0)

    inputs, targets = tf.cond(n < 2, as_it_was, corrupted)
    return {"inputs": inputs, "targets": targets}

  return one(split(dataset, longest))


def without_end(tokens, eos):
  """The document, and the token that ends it where it is there."""
  n = tf.size(tokens) - tf.cast(tokens[-1] == eos[0], tf.int32)
  return tokens[:n], tokens[n:]


def uniform_spans(policy, n, seeds, most):
  """As `objectives.UniformSpans` draws them: starts and lengths."""
  (low, high), (shortest, longest) = policy.ratio, policy.lengths
  share = tf.random.stateless_uniform([], seeds[0], low, high)
  masked = tf.cast(tf.round(tf.cast(n, tf.float32) * share), tf.int32)
  masked = tf.clip_by_value(masked, 1, n - 1)
  number = -(-masked // shortest)
  drawn = tf.random.stateless_uniform([number], seeds[1], shortest, longest + 1, tf.int32)
  ends = tf.cumsum(drawn)
  count = tf.searchsorted(ends, [masked])[0] + 1
  ends = tf.minimum(ends[:count], masked)
  lengths = ends - tf.pad(ends[:-1], [[1, 0]])
  order = tf.argsort(tf.random.stateless_uniform([count], seeds[2]))
  lengths = tf.gather(lengths, order)[: tf.minimum(most, n - masked + 1)]
  k = tf.size(lengths)
  bars = distinct(n - tf.reduce_sum(lengths) + 1, k, seeds[3])
  return bars + tf.cumsum(lengths, exclusive=True), lengths


def fixed_mean_spans(policy, n, seeds, most):
  """As `objectives.FixedMeanSpans` draws them: starts and lengths."""
  masked = tf.cast(tf.round(tf.cast(n, tf.float32) * policy.ratio), tf.int32)
  masked = tf.clip_by_value(masked, 1, n - 1)
  count = tf.cast(tf.round(tf.cast(masked, tf.float32) / policy.mean), tf.int32)
  count = tf.clip_by_value(count, 1, tf.minimum(n - masked, most))
  lengths = cut(masked, count, seeds[0])
  gaps = cut(n - masked, count, seeds[1])
  return tf.cumsum(gaps) + tf.cumsum(lengths, exclusive=True), lengths


def cut(total, parts, seed):
  """Cuts `total` into `parts` whole numbers of at least 1."""
  bounds = tf.concat(([0], distinct(total - 1, parts - 1, seed) + 1, [total]), 0)
  return bounds[1:] - bounds[:-1]


def distinct(size, count, seed):
  """`count` different numbers below `size`, in order."""
  return tf.sort(tf.math.top_k(tf.random.stateless_uniform([size], seed), count).indices)


def keep(tokens, starts, lengths, masks):
  """A b c d e f  ->  a <mask_1> d e <mask_2>"""
  marked = tf.tensor_scatter_nd_update(tokens, starts[:, None], masks)
  ones, places = tf.ones_like(starts), tf.concat((starts + 1, starts + lengths), 0)
  changes = tf.scatter_nd(places[:, None], tf.concat((ones, -ones), 0), [tf.size(tokens) + 1])
  return tf.boolean_mask(marked, tf.cumsum(changes)[:-1] == 0)


def tell(tokens, starts, lengths, masks, after):
  """A b c d e f  ->  <mask_1> b c <eom> <mask_2> f <eom>"""
  told_lengths = lengths + 1 + tf.size(after)
  stops = tf.cumsum(told_lengths)
  begins = stops - told_lengths
  span = tf.cumsum(tf.scatter_nd(begins[:, None], tf.ones_like(begins), stops[-1:])) - 1
  places = tf.range(stops[-1]) + tf.gather(starts - 1 - begins, span)
  told = tf.gather(tokens, tf.clip_by_value(places, 0, tf.size(tokens) - 1))
  told = tf.tensor_scatter_nd_update(told, begins[:, None], masks)
  for i, token in enumerate(tf.unstack(after)):
    where = stops - tf.size(after) + i
    told = tf.tensor_scatter_nd_update(told, where[:, None], tf.fill(tf.shape(where), token))
  return told
