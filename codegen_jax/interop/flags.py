"""The flags of `codegen-jax convert`."""

import argparse
import pathlib

NAME = "convert"
HELP = "bring a model of transformers here, or one of ours there"
FROM, TO = "from-hf", "to-hf"
EPILOG = """\
examples:
  codegen-jax convert from-hf ~/models/codegen-350M-mono --out=runs/codegen_350m
  codegen-jax convert from-hf ~/models/codegen2-1B_P --out=runs/codegen2_1b --mp_num=8
  codegen-jax convert to-hf runs/mine --out=exports/mine
docs/interop.md has more.
"""
FROM_HELP = "CodeGen, CodeGen2 or CodeGen2.5 (.safetensors or .bin) -> a workdir"
TO_HELP = "a workdir -> a folder for CodeGenForCausalLM or LlamaForCausalLM, with a model card"


def add_to(commands: argparse._SubParsersAction) -> None:
  parser = commands.add_parser(
    NAME,
    help=HELP,
    description=HELP[0].upper() + HELP[1:] + ".",
    epilog=EPILOG,
    formatter_class=argparse.RawDescriptionHelpFormatter,
    allow_abbrev=False,
  )
  directions = parser.add_subparsers(dest="direction", required=True, metavar="DIRECTION")
  add = directions.add_parser(
    FROM, help=FROM_HELP, description=FROM_HELP, allow_abbrev=False
  ).add_argument
  add("path", metavar="PATH", help="a folder, or OWNER/NAME of what huggingface_hub has cached")
  add("--out", required=True, type=pathlib.Path, metavar="DIR", help="the workdir; a new one")
  add("--mp_num", type=int, metavar="N",
      help="in how many parts queries, values and keys are fused, where the config does not tell:"
      " 8 for CodeGen2-1B and 3.7B, 4 for all others")  # fmt: skip
  add("--param_dtype", choices=("float32", "bfloat16"),
      help="of the matrices (the smaller one that is exact)")  # fmt: skip
  add("--tokenizer", type=pathlib.Path, metavar="FILE",
      help="a tokenizer.json in place of the folder's")  # fmt: skip
  add = directions.add_parser(
    TO, help=TO_HELP, description=TO_HELP, allow_abbrev=False
  ).add_argument
  add("workdir", type=pathlib.Path, metavar="WORKDIR", help="of `train` or of `convert from-hf`")
  add("--out", required=True, type=pathlib.Path, metavar="DIR", help="the folder; a new one")
  add("--step", type=int, metavar="N", help="of which checkpoint (the newest)")
  add("--dtype", choices=("float32", "float16", "bfloat16"),
      help="of all tensors (that of the run's matrices)")  # fmt: skip
  add("--tokenizer", type=pathlib.Path, metavar="FILE",
      help="a tokenizer.json in place of the run's")  # fmt: skip
  add("--shard_mb", type=int, default=2000, metavar="N", help="of a file, at the most (2000)")
  add("--license", default="unknown", metavar="NAME",
      help="of the weights, for the model card (unknown)")  # fmt: skip
