"""Templates: an example of a data set asked about in words."""

from collections.abc import Iterator, Mapping, Sequence
import dataclasses
import functools
import string

from codegen_jax.data.pairs import Choice, Pair
from codegen_jax.did_you_mean import suggestion
from codegen_jax.errors import InputError

ANSWER = "{answer}"
CUE = "\nAnswer:"  # stands before every answer
OPTIONS = "\nOptions:"


@dataclasses.dataclass(frozen=True)
class Template:
  """Text with names of fields in braces.

      prompt   If {premise} is so, is {hypothesis} so too?        target   {answer}
      turned   Of what would one say "{answer}" after {premise}?  target   {hypothesis}

  A template that is turned around asks for what the others tell, so it lists no options.
  """

  prompt: str
  target: str = ANSWER

  @property
  def turned(self) -> bool:
    return self.target != ANSWER

  @functools.cached_property
  def fields(self) -> tuple[str, ...]:
    """Every field that is named, once."""
    named = [*_parts(self.prompt), *_parts(self.target)]
    return tuple(dict.fromkeys(field for _, field in named if field is not None))


def check(of: str, templates: Sequence[Template], fields: Sequence[str]) -> None:
  """Refuses a template that names a field which is not there, or the answer where it is asked for.

  Args:
    of: what the templates are of, for people.
    templates: that are counted from 1.
    fields: that examples have, beside the answer.

  Raises:
    InputError: one is not.
  """
  known = (*fields, "answer")
  for number, template in enumerate(templates, start=1):
    try:
      named = template.fields
    except ValueError as error:
      raise InputError(
        f"template {number} of {of} cannot be read ({error}); write a brace of the text twice"
      ) from error
    for field in named:
      if field not in known:
        raise InputError(
          f"template {number} of {of} names {{{field}}}, which is no field"
          f"{suggestion(field, known, form='{{{}}}')}; the fields are {', '.join(known)}"
        )
    asked = {field for _, field in _parts(template.target)}
    if both := asked & {field for _, field in _parts(template.prompt)} - {None}:
      raise InputError(
        f"template {number} of {of} tells {{{both.pop()}}} and asks for it; take it out of one"
      )


def render(
  template: Template,
  fields: Mapping[str, str],
  *,
  path: str,
  answer: str,
  options: Sequence[str] = (),
  before: str = "",
  choice: bool = False,
) -> Pair:
  """An example in a template's words.

  Where it is too long, the end of its longest field is what is cut (`Pair.text`): what is asked of
  it, the options and the cue stay.

  Args:
    template: its words.
    fields: of the example.
    path: of the example.
    answer: that is right.
    options: the answers to choose from, the right one among them; or none.
    before: examples that are shown first.
    choice: whether the wrong options are told too, as a `Choice`, so that a model can be asked
      which is the likeliest.
  """
  values = {**fields, "answer": answer}
  said, end, longest = "", 0, -1
  for text, field in _parts(template.prompt):
    said += text
    if field is not None:
      said += values[field]
      if len(values[field]) >= longest:
        end, longest = len(said), len(values[field])
  choices = () if template.turned else tuple(options)
  asked = said[end:] + listed(choices) + CUE
  target = "".join(
    text + ("" if field is None else values[field]) for text, field in _parts(template.target)
  )
  parts = path, before + said[:end], asked, f" {target}"
  if not choice:
    return Pair(*parts)
  return Choice(*parts, tuple(f" {one}" for one in choices if one != answer))


def listed(options: Sequence[str]) -> str:
  return "".join([OPTIONS, *(f"\n- {option}" for option in options)]) if options else ""


def shown(pair: Pair) -> str:
  """An example with its answer, to stand before another."""
  return f"{pair.text}{pair.question}{pair.answer}\n\n"


def _parts(text: str) -> Iterator[tuple[str, str | None]]:
  """What stands before each field, and the field; behind the last text there is none."""
  for before, field, _, _ in string.Formatter().parse(text):
    yield before, field
