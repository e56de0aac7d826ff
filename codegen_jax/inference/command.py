"""`codegen-jax sample`: prompts in, text out as it comes."""

import argparse
from collections.abc import Callable, Iterator
import os
import pathlib
import sys
from typing import TextIO

from codegen_jax.data.objectives.sentinels import Vocabulary
from codegen_jax.errors import InputError
from codegen_jax.inference import flags as flags_
from codegen_jax.inference import infilling
from codegen_jax.inference.language_model import LanguageModel
from codegen_jax.inference.requests import Completion, Request
from codegen_jax.inference.settings import SamplingConfig

SIGN = ">>> "


def run(model: LanguageModel, vocabulary: Vocabulary, flags: argparse.Namespace) -> None:
  """Answers on stdout, as the tokens come."""
  config, numbers = flags_.settings(flags), range(flags.num_samples)
  try:
    if flags.file is not None:
      layout = infilling.layout(flags.layout, vocabulary)
      prefix, suffix = infilling.split_at_hole(_read(flags.file))
      asked = [
        infilling.request(
          layout, prefix, suffix, task=flags_.NAME, problem=str(flags.file), sample=n
        )
        for n in numbers
      ]
      completions = _answer(model, asked, infilling.ending(layout, config), sys.stdout)
      if missed := infilling.unfinished(completions):
        print(
          f"{missed} of {len(asked)} unfinished: no {layout.end} within {flags.max_new_tokens}"
          " tokens",
          file=sys.stderr,
        )
      return
    for prompt in _prompts(flags.prompt, sys.stdin):
      ids = tuple(vocabulary.encode(prompt)) or (vocabulary.special_id("<|endoftext|>"),)
      _answer(model, [Request(flags_.NAME, prompt, n, ids) for n in numbers], config, sys.stdout)
  except BrokenPipeError:  # `| head` has read enough
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for the flush at exit


def _prompts(prompt: str | None, stdin: TextIO) -> Iterator[str]:
  if prompt is not None:
    yield prompt
    return
  while True:
    if stdin.isatty():
      print(SIGN, end="", file=sys.stderr, flush=True)
    line = stdin.readline()
    if not line:
      return
    if line.strip():
      yield line.removesuffix("\n")


def _read(file: pathlib.Path) -> str:
  try:
    return file.read_text("utf-8")
  except OSError as error:
    raise InputError(f"cannot read --file={file} ({error.strerror})") from error
  except UnicodeDecodeError as error:
    raise InputError(f"--file={file} is not UTF-8 text ({error})") from error


def _answer(
  model: LanguageModel, asked: list[Request], config: SamplingConfig, out: TextIO
) -> list[Completion]:
  """One answer is told as it grows; of several each when it is whole, with its number above it."""

  def tell(request: Request, text: str) -> None:
    print(text, end="", file=out, flush=True)

  alone = len(asked) == 1
  on_text: Callable[[Request, str], None] | None = tell if alone else None
  completions = []
  for completion in model.generate(asked, config, on_text=on_text):
    completions.append(completion)
    if alone:
      print(file=out, flush=True)
    else:
      number = completion.request.sample
      print(f"--- {number} ({completion.ended})\n{completion.text}", file=out, flush=True)
  return completions
