"""Rows of data sets that say in a way of their own what they ask: made plain, one function each.

Called by the names that `adapt:` of datasets/*.yaml has.
"""

from collections.abc import Mapping
import re
from typing import Any

from codegen_jax.data import order
from codegen_jax.errors import InputError

Row = Mapping[str, Any]
OPTION = re.compile(r"^(?:- )?(.+)$", re.MULTILINE)


def rounded(row: Row) -> Row:
  """A mark with a fraction becomes a whole number."""
  return {**row, "label": str(round(float(row["label"])))}


def joined(row: Row) -> Row:
  """Lists become text."""
  return {
    name: "; ".join(map(str, value)) if isinstance(value, list) else value
    for name, value in row.items()
  }


def lettered(row: Row) -> Row:
  """ARC: in TFDS choices have letters, in the other file the right one has its number."""
  if "query" in row:
    return {**row, "question": row["query"].removeprefix("Question: "), "label": row["gold"]}
  choices = row["choices"]
  return {
    "question": row["question"],
    "choices": choices["text"],
    "label": choices["label"].index(row["answerKey"]),
  }


def open_book(row: Row) -> Row:
  """OpenBookQA, in both of its forms."""
  if "query" in row:
    return {**row, "question": row["query"], "label": row["gold"]}
  question = row["question"]
  return {
    "question": question["stem"],
    "choices": [question[f"choice_{letter}"] for letter in "ABCD"],
    "label": "ABCD".index(row["answerKey"]),
  }


def answerable(row: Row) -> Row:
  """SQuAD 2: some questions have no answer."""
  found = row["answers"]["text"]
  return {**row, "answer": found[0] if found else "that is not said"}


def entities(row: Row) -> Row:
  """ReCoRD: of several right names the first stays."""
  right = row["answers"][0]
  wrong = [name for name in dict.fromkeys(row["entities"]) if name not in row["answers"]]
  choices = sorted([right, *wrong])
  return {**row, "choices": choices, "label": choices.index(right)}


def spans(row: Row) -> Row:
  """WSC: the published file has its spans one level deeper."""
  return {**row, **row.get("target", {})}


def one_turn(row: Row) -> Row:
  """CoQA: one question of each conversation, with those before it."""
  asked, told = row["questions"], row["answers"]["input_text"]
  number = order.stable_hash(row["story"], *asked) % len(asked)
  before = zip(asked[:number], told[:number], strict=True)
  history = "\n".join(f"Q: {question}\nA: {answer}" for question, answer in before)
  return {**row, "history": history, "question": asked[number], "answer": told[number]}


def unpunctuated(row: Row) -> Row:
  words = re.sub(r"[^\w\s]", "", row["text"])
  return {"text": " ".join(words.split()), "answer": row["text"]}


def arguments(row: Row) -> Row:
  return {**row, "text": "\n".join(row["_argument_sentences"]["value"])}


def critics(row: Row) -> Row:
  return {**row, "text": "\n".join(row["_critics"]["value"])}


def headed(row: Row) -> Row:
  return {**row, "text": f"{row['title']}\n{row['description']}"}


def last_number(row: Row) -> Row:
  """GSM8K: what follows the worked solution."""
  return {**row, "answer": row["answer"].rpartition("####")[2].strip()}


def claimed(row: Row) -> Row:
  """CREAK: the claim stands in quotation marks, amid words of a template."""
  claim = re.search('"(.+)"', row["question"], re.DOTALL)
  return {"text": claim[1] if claim else row["question"], "label": row["answer"]}


def listed(row: Row) -> Row:
  """Options stand in the question's text, and the answer is one of them or its letter."""
  question, _, rest = row["question"].partition("\nOptions:\n")
  choices = [*dict.fromkeys(option.strip() for option in OPTION.findall(rest))]
  answer = row["answer"]
  begun = [one for one in choices if one.startswith((f"{answer} ", f"{answer}:"))]
  right = [answer] if answer in choices else begun
  if len(right) != 1:
    raise InputError(f"{answer!r} is {len(right)} of the options {', '.join(choices)}")
  return {"question": question, "choices": choices, "label": choices.index(right[0])}


ADAPTERS = {
  function.__name__: function
  for function in (
    rounded, joined, lettered, open_book, answerable, entities, spans, one_turn, unpunctuated,
    arguments, critics, headed, last_number, claimed, listed,
  )
}  # fmt: skip
