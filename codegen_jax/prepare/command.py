"""`codegen-jax prepare`: its flags, and what it does with them."""

import argparse
from collections.abc import Sequence
import logging
import os
import pathlib

from codegen_jax import config as gin_config
from codegen_jax.errors import InputError

NAME = "prepare"
HELP = "make shards of tokens out of raw text: filter, deduplicate, tokenise, shuffle"
TOKENIZER = "tokenizer"
DEFAULT = "gin_configs/prepare/base.gin"
EXAMPLES = """\
examples:
  codegen-jax prepare --input='src/**/*.py' --out=data/mine --tokenizer=tokenizer.json
  codegen-jax prepare tokenizer --input=src --work=data/work --out=tokenizer.json
  codegen-jax prepare --gin_file=gin_configs/prepare/the_stack.gin --input='gs://b/stack/**/*.parquet'
    --out=gs://b/stack_tokens --tokenizer=codegen2.json --runner=DataflowRunner --project=...

Flags that are not listed go to Beam: --runner, --project, --region, --temp_location, ...
"""


def add_to(commands: argparse._SubParsersAction, gin_help: str) -> None:
  parser = commands.add_parser(
    NAME,
    help=HELP,
    description=HELP[0].upper() + HELP[1:] + ".",
    epilog=EXAMPLES + "\n" + gin_help,
    formatter_class=argparse.RawDescriptionHelpFormatter,
    allow_abbrev=False,
  )
  add = parser.add_argument
  add("what", nargs="?", choices=(TOKENIZER,), metavar=TOKENIZER,
      help="train a tokenizer on the prepared text, in place of making shards")  # fmt: skip
  add("--input", action="append", required=True, metavar="GLOB",
      help="files, a folder, or tfds:NAME#SPLIT; here or gs://; repeatable")  # fmt: skip
  add("--out", required=True, metavar="DIR", help="where the shards go; of `tokenizer`, the file")
  add("--tokenizer", type=pathlib.Path, metavar="FILE", help="the tokenizer.json to encode with")
  add("--work", metavar="DIR", help="where stages leave what the next ones read (OUT/.work)")
  add("--keep_work", action="store_true", help="leave it there at the end")
  add("--workers", type=int, default=1, metavar="N", help="processes, on this machine (1)")
  add("--vocab_size", type=int, default=51_200, metavar="N", help="of a tokenizer (51200)")
  add("--num_masks", type=int, default=100, metavar="N", help="its tokens <mask_k> (100)")
  add("--sample_bytes", type=int, default=2_000_000_000, metavar="N",
      help="text that a tokenizer is trained on, about (2e9)")  # fmt: skip


def check(flags: argparse.Namespace) -> None:
  """Raises InputError for what is known to fail before anything is read."""
  if flags.what == TOKENIZER:
    if not flags.work:
      raise InputError(
        "prepare tokenizer needs --work, the folder in which the prepared text is left for"
        " `codegen-jax prepare`"
      )
  elif flags.tokenizer is None:
    raise InputError(
      "prepare needs --tokenizer, a tokenizer.json; `codegen-jax prepare tokenizer` trains one"
    )
  if flags.workers < 1:
    raise InputError(f"--workers is {flags.workers}; give 1 or more")


def run(
  gin_files: Sequence[str],
  bindings: Sequence[str],
  search_paths: Sequence[str],
  flags: argparse.Namespace,
  beam_flags: Sequence[str] = (),
) -> None:
  check(flags)
  logging.disable(logging.WARNING)  # Beam's import tells of Google's libraries that are not there
  if os.environ.get("GRPC_VERBOSITY") == "ERROR":  # as `quiet` leaves it
    # What fails is raised.  As an error gRPC logs, now and then, that Beam has closed a socket.
    os.environ["GRPC_VERBOSITY"] = "NONE"
  try:
    from codegen_jax.prepare import run as running
    from codegen_jax.prepare import storage, tokenizer
    from codegen_jax.prepare.runner import Runner
    from codegen_jax.prepare.settings import PrepareConfig
  except ModuleNotFoundError as error:
    if (error.name or "").split(".")[0] not in ("apache_beam", "pyarrow", "rensa"):
      raise
    raise InputError(
      f"prepare needs {error.name}, which is not installed; run pip install 'codegen-jax[prepare]'"
    ) from error
  finally:
    logging.disable(logging.NOTSET)
  config = gin_config.load(PrepareConfig, gin_files or [DEFAULT], bindings, search_paths).config
  runner = Runner(tuple(beam_flags), flags.workers)
  out = storage.Path(flags.out).expanduser()
  work = storage.Path(flags.work).expanduser() if flags.work else out / ".work"
  if flags.what == TOKENIZER:
    made = running.texts(config, flags.input, work, runner)
    told = tokenizer.train(
      made, pathlib.Path(flags.out), vocab_size=flags.vocab_size, num_masks=flags.num_masks,
      sample_bytes=flags.sample_bytes,
    )  # fmt: skip
    print(f"{flags.out}: {flags.vocab_size} tokens, learned from {told['documents']:,} documents,"
          f" {told['bytes'] / 1e6:.1f} MB")  # fmt: skip
    return
  said = running.prepare(config, flags.input, out, work, flags.tokenizer.expanduser(), runner)
  if not flags.keep_work and not flags.work:
    work.rmtree()
  dropped = sum(told["documents"] for told in said["dropped"].values())
  print(
    f"{flags.out}: {said['documents']:,} documents, {said['tokens']:,} tokens; {dropped:,} of"
    f" {said['documents_in']:,} dropped; see {out / 'report.html'}"
  )
