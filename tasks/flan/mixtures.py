"""Every FLAN task and mixture by its name, under the embedded corpora's vocabulary.

For each data set, e.g. cb (all have their mixtures, below):

flan_cb_10templates            each example in one of ten templates; 1, 2, 4, 7 of them too
flan_cb_plain, flan_cb_named   without instructions; with the data set's name instead
flan_cb_rank                   what is held out, in every template that asks for the answer: which
                               option is the likeliest (flan_xsum_write: answers that are free text)
flan_cb_rank_4shot             after four examples; 1, 2, 8 too
flan_cb_rank_plain, flan_cb_rank_named
flan_cb_prompted               plain, behind ten tokens, for prompt tuning; flan_cb_rank_prompted

Mixtures, each `_10templates`, `_plain`, ... and each `_present` too: of what is on this machine.

flan_all_10templates
flan_inter_cluster_split_nli_10templates        what may be trained on to measure nli
flan_first_3_clusters_10templates               the ablation's first three clusters
flan_few_3_clusters_10templates                 the first three of a shorter list, of small files
flan_nli_rank, flan_nli_rank_4shot              to measure a cluster; flan_translation_write
"""

from collections.abc import Callable, Iterable, Sequence
import functools

from codegen_jax.data.objectives import Answer, PerFile
from codegen_jax.data.pairs import Pairs
from codegen_jax.data.templates import Template
from codegen_jax.data.vocabulary import ByteLevelBPE
from tasks import build, local
from tasks.flan import clusters, dataset, rendered, sources
from tasks.flan.dataset import Dataset
from tasks.pairs import PairSource

NUM_TEMPLATES = (1, 2, 4, 7, 10)
SHOTS = (1, 2, 4, 8)
MAXIMUM_RATE = 3_000  # examples of a data set that count for its share, as the paper has it
INPUTS, ANSWERS = 1024, 256  # tokens, as the paper has it
PROMPT = 10  # tokens of prompt tuning, as the paper has it

Words = Callable[[Dataset], tuple[Template, ...]]

TRAINED: dict[str, Words] = {
  **{
    f"{count}templates": functools.partial(rendered.instructions, most=count)
    for count in NUM_TEMPLATES
  },
  "plain": rendered.plain,
  "named": rendered.named,
}
# How a model is measured: in which words, and after how many examples.
MEASURED: dict[str, tuple[Words, int]] = {
  "": (functools.partial(rendered.instructions, most=dataset.MOST), 0),
  **{
    f"_{shots}shot": (functools.partial(rendered.instructions, most=dataset.MOST), shots)
    for shots in SHOTS
  },
  "_plain": (rendered.plain, 0),
  "_named": (rendered.named, 0),
}


def register(vocabulary: ByteLevelBPE, prefix: str = "flan") -> None:
  """All of it under another vocabulary, and then under another prefix."""
  for one in dataset.load().values():
    _add_tasks(vocabulary, prefix, one)
  _add_training_mixtures(prefix)
  for cluster in clusters.names():
    _add_measuring_mixtures(prefix, cluster)


def kind(one: Dataset) -> str:
  """How it is measured."""
  return "rank" if one.chooses else "write"


def _add_tasks(vocabulary: ByteLevelBPE, prefix: str, one: Dataset) -> None:
  for suffix, words in TRAINED.items() if one.trained else ():
    made = functools.partial(rendered.trained, one, used=words(one))
    _add(vocabulary, f"{prefix}_{one.name}_{suffix}", made, Answer(vocabulary))
  for suffix, (words, shots) in MEASURED.items():
    used = rendered.asking(words(one))
    made = functools.partial(rendered.measured, one, used=used, shots=shots)
    name = f"{prefix}_{one.name}_{kind(one)}{suffix}"
    _add(vocabulary, name, made, Answer(vocabulary, choices=one.chooses), ("validation",))
  bare = rendered.plain(one)
  if one.trained:
    made = functools.partial(rendered.trained, one, used=bare)
    _add(vocabulary, f"{prefix}_{one.name}_prompted", made, Answer(vocabulary, prompt=PROMPT))
  made = functools.partial(rendered.measured, one, used=bare)
  answer = Answer(vocabulary, prompt=PROMPT, choices=one.chooses)
  _add(vocabulary, f"{prefix}_{one.name}_{kind(one)}_prompted", made, answer, ("validation",))


def _add(
  vocabulary: ByteLevelBPE,
  name: str,
  pairs: Callable[..., Pairs],
  answer: Answer,
  splits: tuple[str, ...] = PairSource.splits,
) -> None:
  collection = functools.cache(functools.partial(pairs, name=name))
  source = PairSource(name, collection, vocabulary, splits, INPUTS, INPUTS, ANSWERS)
  build.add_task(name, source, PerFile(answer), level="whole")


def _add_training_mixtures(prefix: str) -> None:
  every = clusters.may_be_trained_on(())
  chosen: dict[str, Sequence[Sequence[str]]] = {"all": [every]}
  for cluster in clusters.names():
    chosen[f"inter_cluster_split_{cluster}"] = [clusters.may_be_trained_on((cluster,))]
  for order, steps, unseen in (
    ("first", clusters.ABLATION, clusters.may_be_trained_on(clusters.ABLATION_HELD_OUT)),
    ("few", clusters.FEW, clusters.may_be_trained_on(clusters.FEW_HELD_OUT, extra=True)),
  ):
    parts = [[name for name in _datasets(step) if name in unseen] for step in steps]
    for count in range(1, len(parts) + 1):
      chosen[f"{order}_{count}_clusters"] = parts[:count]
  for name, of in chosen.items():
    for suffix in TRAINED:
      _add_mixture(f"{prefix}_{name}_{suffix}", of, f"{prefix}_{{}}_{suffix}", MAXIMUM_RATE)


def _add_measuring_mixtures(prefix: str, cluster: str) -> None:
  for way in ("rank", "write"):
    every = dataset.load()
    names = [n for n in clusters.members(cluster, extra=True) if kind(every[n]) == way]
    for suffix in MEASURED if names else ():
      name = f"{prefix}_{cluster}_{way}{suffix}"
      _add_mixture(name, [names], f"{prefix}_{{}}_{way}{suffix}", None)


def _add_mixture(name: str, parts: Sequence[Sequence[str]], task: str, maximum: int | None) -> None:
  """Of all data sets of these parts, and of those among them that are here.

  Where nothing of a part is here, the second asks for that part, so that its error says what is
  missing: without it, it would be another mixture by this name.
  """
  present = [one for part in parts for one in [one for one in part if one in _here()] or part]
  for suffix, names in (("", [one for part in parts for one in part]), ("_present", present)):
    tasks = [task.format(one) for one in names]
    build.add_mixture_of_examples(f"{name}{suffix}", tasks, maximum=maximum)


def _datasets(part: Iterable[str]) -> list[str]:
  """Of an ablation's step: the members of a cluster, or data sets by their own names."""
  return [
    name
    for one in part
    for name in ([one] if one in dataset.load() else clusters.members(one, extra=True))
  ]


@functools.cache
def _here() -> frozenset[str]:
  return frozenset(name for name, one in dataset.load().items() if sources.is_here(one))


register(local.VOCABULARY)
