"""Results for pages and pictures."""

import numpy as np
import pytest

from tests.experiments.fake_results import CODE, arm, comparison, metric


@pytest.fixture
def results():
  return {
    "experiment": "lesson1_prefix_lm",
    "scale": "demo",
    "question": "Does a prefix read both ways help?",
    "source": "CodeGen2, lesson 1 (arXiv 2305.02309)",
    "commands": ["python -m experiments.run lesson1_prefix_lm --scale=demo"],
    "corpus": {
      "local_code": {"fingerprint": "9f86d081", "files": 610, "held_out_files": 30},
      "local_prose": {"fingerprint": "2c26b46b", "files": 120, "version": "1.0.0"},
    },
    "arms": {
      "causal": arm(2.3112, "reads <pre> a | b <suf>", **{"data.mixture": "code_and_prose_clm"}),
      "prefix": arm(2.3612, "reads a prefix both ways", **{"data.mixture": "local_prefix"}),
    },
    "metrics": {CODE: metric()},
    "comparisons": [comparison()],
    "findings": [
      {
        "statement": "PrefixLM is worse.",
        "certainty": "a digest",
        "verdict": "not decided at this scale",
        "why": "the interval holds zero",
      }
    ],
    "matched": {
      "supervised_tokens": 500_000,
      "arms": {"causal": {CODE: {"mean": 2.5, "stderr": 0.01, "per_seed": [2.4, 2.6]}}},
    },
    "paper": {"finding": "About 1.3 points of HumanEval.", "certainty": "secondary source"},
    "method": ["Both arms see the same documents."],
    "caveats": ["The models are small."],
    "environment": {"python": "3.11.7", "numpy": np.__version__},
  }


@pytest.fixture
def tuned(results):
  """The same arms, measured after a run that begins with their weights."""
  for name, one in results["arms"].items():
    one["tuned"] = {
      "flan": {
        "supervised_tokens": 96_024, "all_tokens": 245_760, "steps": 30,
        "config": {"data.mixture": f"flan_{name}", "seed": 0}, "folder": "it-abc",
      }
    }  # fmt: skip
  return results


@pytest.fixture
def one_seed(results):
  for one in results["arms"].values():
    one["metrics"][CODE] |= {"stderr": None, "per_seed": one["metrics"][CODE]["per_seed"][:1]}
    one["seeds"] = 1
  results["comparisons"] = [comparison(per_seed=(0.05,), interval_seeds=None, interval=None)]
  return results
