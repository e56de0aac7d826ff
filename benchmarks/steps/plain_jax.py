"""A step as one writes it first: linen's own layers, all logits at once, optax's AdamW."""

from collections.abc import Callable

from flax import linen as nn
import jax
import jax.numpy as jnp
import optax

from benchmarks.steps import shapes
from benchmarks.steps.shapes import Shape
from codegen_jax.models.config import TransformerConfig


class Block(nn.Module):
  """x + attention(norm(x)) + mlp(norm(x)), with rotary positions, causal."""

  config: TransformerConfig

  @nn.compact
  def __call__(self, x: jax.Array) -> jax.Array:
    c = self.config
    normed = nn.LayerNorm(epsilon=c.norm_epsilon)(x)
    q, k, v = (
      nn.DenseGeneral((c.num_heads, c.head_dim), use_bias=False, name=name)(normed)
      for name in ("query", "key", "value")
    )
    q, k = _rotate(q, c.rotary_dim), _rotate(k, c.rotary_dim)
    scores = jnp.einsum("blnh,bsnh->bnls", q, k) / jnp.sqrt(c.head_dim)
    causal = jnp.tril(jnp.ones(scores.shape[-2:], bool))
    weights = nn.softmax(jnp.where(causal, scores, -1e10))
    read = jnp.einsum("bnls,bsnh->blnh", weights, v)
    attention = nn.DenseGeneral(c.embed_dim, axis=(-2, -1), use_bias=False, name="out")(read)
    mlp = nn.Dense(c.embed_dim)(nn.gelu(nn.Dense(c.mlp_dim)(normed)))
    return x + attention + mlp


class Decoder(nn.Module):
  """Token ids in, logits out."""

  config: TransformerConfig

  @nn.compact
  def __call__(self, tokens: jax.Array) -> jax.Array:
    c = self.config
    x = nn.Embed(c.vocab_size, c.embed_dim)(tokens)
    for _ in range(c.num_layers):
      x = Block(c)(x)
    return nn.Dense(c.vocab_size)(nn.LayerNorm(epsilon=c.norm_epsilon)(x))


def make(shape: Shape) -> Callable[[int], float]:
  """A function that makes so many updates and says the loss before the last."""
  network, batches = Decoder(shape.config), shapes.batches(shape)
  optimizer = optax.chain(
    optax.clip_by_global_norm(shapes.CLIP_NORM),
    optax.adamw(
      shapes.RATE, *shapes.BETAS, shapes.EPSILON, weight_decay=shapes.WEIGHT_DECAY,
      mask=lambda params: jax.tree.map(lambda x: x.ndim > 1, params),
    ),
  )  # fmt: skip
  params = jax.jit(network.init)(jax.random.key(0), next(batches).inputs)
  state = params, optimizer.init(params)

  def loss_of(params, inputs, targets):
    logits = network.apply(params, inputs)
    return optax.softmax_cross_entropy_with_integer_labels(logits, targets).mean()

  @jax.jit
  def step(state, inputs, targets):
    params, opt_state = state
    loss, grads = jax.value_and_grad(loss_of)(params, inputs, targets)
    updates, opt_state = optimizer.update(grads, opt_state, params)
    return (optax.apply_updates(params, updates), opt_state), loss

  def steps(number: int) -> float:
    nonlocal state
    for _ in range(number):
      batch = next(batches)
      state, loss = step(state, batch.inputs, batch.targets)
    return float(loss)

  return steps


def _rotate(x: jax.Array, rotary_dim: int) -> jax.Array:
  frequencies = 10_000.0 ** -(jnp.arange(0, rotary_dim, 2) / rotary_dim)
  angles = jnp.arange(x.shape[1])[:, None, None] * frequencies
  sin, cos = jnp.sin(angles), jnp.cos(angles)
  first, second = jnp.split(x[..., :rotary_dim], 2, axis=-1)
  turned = [first * cos - second * sin, second * cos + first * sin, x[..., rotary_dim:]]
  return jnp.concatenate(turned, axis=-1)
