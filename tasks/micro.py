"""Small generated functions: what MicroEval asks for, trained on in other compositions.

micro_clm                   micro_prefix_lm                    and so on, with every recipe
local_code_and_micro_clm    local_code_and_micro_prefix_lm     half the tokens are embedded code
"""

import functools

from codegen_jax.data.microeval.documents import MicroCorpus
from tasks import build, local, sources


@functools.cache
def corpus() -> MicroCorpus:
  return MicroCorpus()


MICRO = sources.Source("micro", corpus, local.VOCABULARY)

build.add_recipes("micro", MICRO)
build.add_equal_mixtures("local_code_and_micro", "local_code", "micro", MICRO)
