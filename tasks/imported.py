"""The embedded corpora under the tokenizer of a model that was trained elsewhere.

  export CODEGEN_JAX_TOKENIZER=runs/codegen2_1b/tokenizer.json

imported_code_clm   imported_prose_clm   imported_code_and_prose_clm
imported_code_psm   ...                  the same with every recipe
"""

from codegen_jax.data import vocabulary
from tasks import build, embedded, published, sources

VOCABULARY = vocabulary.ByteLevelBPE(published.tokenizer_file)
CODE = sources.Source("imported_code", embedded.code, VOCABULARY)
PROSE = sources.Source("imported_prose", embedded.prose, VOCABULARY)

build.add_recipes("imported_code", CODE)
build.add_recipes("imported_prose", PROSE)
build.add_equal_mixtures("imported_code_and_prose", "imported_code", "imported_prose", CODE)
