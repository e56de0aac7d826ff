"""BoolQ and defect detection under the vocabulary of the published corpora.

published_boolq_answer    published_boolq_hidden_answer    published_boolq_prompted_answer
published_defect_answer   ...
"""

from tasks import classification, published
from tasks.pairs import PairSource, add_answers

for name in ("boolq", "defect"):
  collection, labels = classification.COLLECTIONS[name]
  source = PairSource(f"published_{name}", collection, published.VOCABULARY, longest=900)
  add_answers(f"published_{name}", source, labels=labels)
