"""FLAN under the vocabulary of the published corpora: all of mixtures.py as `published_flan_*`."""

from tasks import published
from tasks.flan import mixtures

mixtures.register(published.VOCABULARY, "published_flan")
