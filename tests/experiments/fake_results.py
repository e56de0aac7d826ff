"""Results as `collect` tells them, of two arms that nobody trained."""

CODE = "code/bits_per_byte"
PNG_HEAD = b"\x89PNG\r\n\x1a\n"


def comparison(**changes):
  return {
    "metric": CODE,
    "arm": "prefix",
    "baseline": "causal",
    "difference": 0.05,
    "per_seed": (0.045, 0.055),
    "interval_items": (0.04, 0.0612),
    "interval_seeds": (-0.0135, 0.1135),
    "interval": (-0.02, 0.12),
    "num_items": 30,
    "items": "document",
    "level": 0.95,
  } | changes


def metric(**changes):
  return {"description": "held-out code, bits per byte after a prompt", "better": "lower"} | changes


def arm(mean, description, **config):
  return {
    "description": description,
    "metrics": {CODE: {"mean": mean, "stderr": 0.0123, "per_seed": [mean - 0.01, mean + 0.01]}},
    "supervised_tokens": 1_000_000,
    "all_tokens": 1_024_000,
    "steps": 250,
    "seeds": 2,
    "parameters": 5_254_656,
    "config": {"model.num_layers": 4, "train.peak": 3e-4} | config,
  }


def rows(loss, tokens, steps=(1, 2, 3)):
  return [{"step": s, "train/loss": loss / s, "train/scored_tokens": tokens * s} for s in steps]


CURVES = {"causal": [rows(8.3, 4096), rows(8.2, 4096)], "prefix": [rows(8.4, 3000)] * 2}
