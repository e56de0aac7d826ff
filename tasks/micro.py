"""Small generated functions: what MicroEval asks for, trained on in other compositions.

micro_clm                   micro_prefix_lm                    and so on, with every recipe
micro_single_clm            micro_single_prefix_lm             one function a document
micro_scripts_clm           micro_scripts_prefix_lm            what microeval_turns asks for
local_code_and_micro_clm    local_code_and_micro_prefix_lm     half the tokens are embedded code
"""

import functools

from codegen_jax.data.microeval.documents import MicroCorpus
from codegen_jax.data.microeval.scripts import ScriptCorpus
from tasks import build, local, sources


@functools.cache
def corpus() -> MicroCorpus:
  return MicroCorpus()


@functools.cache
def single() -> MicroCorpus:
  return MicroCorpus(27_000, 675, fewest=1, most=1, name="micro_single")


@functools.cache
def scripts() -> ScriptCorpus:
  return ScriptCorpus()


MICRO = sources.Source("micro", corpus, local.VOCABULARY)
SINGLE = sources.Source("micro_single", single, local.VOCABULARY)
SCRIPTS = sources.Source("micro_scripts", scripts, local.VOCABULARY)

build.add_recipes("micro", MICRO)
build.add_recipes("micro_single", SINGLE)
build.add_recipes("micro_scripts", SCRIPTS)
build.add_equal_mixtures("local_code_and_micro", "local_code", "micro", MICRO)
