"""The names of the control tokens, and which ids the published models gave them.

  id        0 .. 50255   50256           50257 .. 50286   50287 .. 50294   50295 .......... 51199
  gpt2      GPT-2's BPE  <|endoftext|>   .                .                .
  codegen   GPT-2's BPE  <|endoftext|>   31 .. 2 spaces   9 .. 2 tabs      .
  codegen2  GPT-2's BPE  <|endoftext|>   31 .. 2 spaces   9 .. 2 tabs      <dummy_0> .... <mask_1>
  codegen25 GPT-2's BPE  <|endoftext|>   31 .. 2 spaces   9 .. 2 tabs      <fim_prefix> . <mask_1>

<mask_k> is always the k-th id from the end.  The runs of spaces and tabs are ordinary text.
"""

from dataclasses import dataclass

END_OF_TEXT = "<|endoftext|>"
SEP = "<sep>"
EOM = "<eom>"
FIM_PREFIX = "<fim_prefix>"
FIM_MIDDLE = "<fim_middle>"
FIM_SUFFIX = "<fim_suffix>"

CODEGEN_ROWS = 51_200  # every published CodeGen has this many embedding rows, used or not


def mask(k: int) -> str:
  return f"<mask_{k}>"


def dummy(k: int) -> str:
  return f"<dummy_{k}>"


def _masks(num_masks: int) -> tuple[str, ...]:
  return tuple(mask(k) for k in range(num_masks, 0, -1))


_DUMMIES = tuple(dummy(k) for k in range(4))


def trained(num_masks: int) -> tuple[str, ...]:
  """The last ids of a vocabulary trained here, in order."""
  fim = (FIM_PREFIX, FIM_MIDDLE, FIM_SUFFIX)
  return (END_OF_TEXT, *fim, *_DUMMIES, SEP, EOM, *_masks(num_masks))


@dataclass(frozen=True)
class Layout:
  """What follows GPT-2's 50257 ids: first the runs, then the specials."""

  runs: tuple[str, ...] = ()
  # How a run is found.  CodeGen 1 and 2 cut runs out before anything else, longest first; as merges
  # they act inside GPT-2's words, where the last space before a word belongs to the word:
  #   cut first   [    ][x]        as merges   [   ][ x]
  runs_are_merges: bool = False
  specials: tuple[str, ...] = ()


_RUNS = (*(" " * n for n in range(31, 1, -1)), *("\t" * n for n in range(9, 1, -1)))

# StarCoder's list.  Published for CodeGen2.5: that there are 18, and the ids of the first three.
# Inferred: that the other fifteen follow in StarCoder's own order.
_STARCODER = (
  *(FIM_PREFIX, FIM_MIDDLE, FIM_SUFFIX, "<fim_pad>"),
  *("<filename>", "<gh_stars>", "<issue_start>", "<issue_comment>", "<issue_closed>"),
  *("<jupyter_start>", "<jupyter_text>", "<jupyter_code>", "<jupyter_output>", "<empty_output>"),
  *("<commit_before>", "<commit_msg>", "<commit_after>", "<reponame>"),
)

LAYOUTS = {
  "gpt2": Layout(),
  "codegen": Layout(_RUNS),
  "codegen2": Layout(_RUNS, specials=(*_DUMMIES, SEP, EOM, *_masks(899))),
  # CodeGen2.5 is published as tiktoken code.  That its runs are merges is inferred: as tiktoken's
  # special tokens they would not work (openai/tiktoken#102, where one of its authors was advised
  # to add them as ordinary tokens), and ordinary tokens of tiktoken are merges.
  "codegen25": Layout(_RUNS, True, (*_STARCODER, *_DUMMIES, SEP, EOM, *_masks(881))),
}
