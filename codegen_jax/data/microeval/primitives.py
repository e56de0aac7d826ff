"""The steps that functions are composed of: what each is called in words and in Python.

kind   code is                       said, `one` and `many` being an element and the list
keep   a condition on {x}            each element for which it holds stays
map    an expression of {x}          each element becomes it
list   an expression of {xs}         the list becomes it
end    an expression of {xs}         is returned; nothing follows
"""

import dataclasses
from typing import Literal, NamedTuple

Type = Literal["numbers", "words", "value"]
Kind = Literal["keep", "map", "list", "end"]
Constant = int | str

NUMBERS: tuple[Type, ...] = ("numbers",)
WORDS: tuple[Type, ...] = ("words",)
LISTS: tuple[Type, ...] = ("numbers", "words")

SMALL = tuple(range(2, 10))
SIZES = (3, 4, 5, 6)  # of words
PLACES = (2, 3, 4)  # in lists
LETTERS = tuple("aeinorst")
SEPARATORS = tuple("-+/:")


@dataclasses.dataclass(frozen=True)
class Primitive:
  """One step.

  Attributes:
    takes: the types of list that it works on.
    gives: None is the type that it was given.
    says: what it does, as a command; one of them is taken.
    noun: what it gives, where {of} is what it was given.
    constants: what {k} may be.
  """

  name: str
  kind: Kind
  takes: tuple[Type, ...]
  code: str
  says: tuple[str, ...]
  noun: str
  constants: tuple[Constant, ...] = ()
  gives: Type | None = None

  def after(self, before: Type) -> Type:
    return "value" if self.kind == "end" else self.gives or before


ALL = (
  Primitive("even", "keep", NUMBERS, "{x} % 2 == 0",
            ("keep the even ones", "drop all that are odd"), "the even ones of {of}"),
  Primitive("odd", "keep", NUMBERS, "{x} % 2 == 1",
            ("keep the odd ones", "drop all that are even"), "the odd ones of {of}"),
  Primitive("positive", "keep", NUMBERS, "{x} > 0",
            ("keep the positive ones", "keep what is positive"), "the positive ones of {of}"),
  Primitive("negative", "keep", NUMBERS, "{x} < 0",
            ("keep the negative ones", "keep what is negative"), "the negative ones of {of}"),
  Primitive("above", "keep", NUMBERS, "{x} > {k}",
            ("keep those above {k}", "keep what is greater than {k}"),
            "those above {k} of {of}", SMALL),
  Primitive("below", "keep", NUMBERS, "{x} < {k}",
            ("keep those below {k}", "keep what is less than {k}"),
            "those below {k} of {of}", SMALL),
  Primitive("multiple", "keep", NUMBERS, "{x} % {k} == 0",
            ("keep the multiples of {k}", "keep what can be divided by {k}"),
            "the multiples of {k} of {of}", SMALL[1:]),  # those of 2 are `even`
  Primitive("square", "map", NUMBERS, "{x} * {x}",
            ("square each", "multiply each by itself"), "the squares of {of}"),
  Primitive("times", "map", NUMBERS, "{x} * {k}",
            ("multiply each by {k}", "make each {k} times as large"),
            "{k} times each of {of}", SMALL),
  Primitive("plus", "map", NUMBERS, "{x} + {k}",
            ("add {k} to each", "increase each by {k}"), "{k} more than each of {of}", SMALL),
  Primitive("minus", "map", NUMBERS, "{x} - {k}",
            ("subtract {k} from each", "decrease each by {k}"),
            "{k} less than each of {of}", SMALL),
  Primitive("negate", "map", NUMBERS, "-{x}",
            ("negate each", "flip the sign of each"), "the negatives of {of}"),
  Primitive("absolute", "map", NUMBERS, "abs({x})",
            ("take the absolute value of each", "drop the sign of each"),
            "the absolute values of {of}"),
  Primitive("remainder", "map", NUMBERS, "{x} % {k}",
            ("take each modulo {k}", "take the remainder of each by {k}"),
            "the remainders by {k} of {of}", SMALL),
  Primitive("longer", "keep", WORDS, "len({x}) > {k}",
            ("keep those longer than {k}", "keep what has more than {k} letters"),
            "those longer than {k} of {of}", SIZES),
  Primitive("shorter", "keep", WORDS, "len({x}) < {k}",
            ("keep those shorter than {k}", "keep what has fewer than {k} letters"),
            "those shorter than {k} of {of}", SIZES),
  Primitive("starts", "keep", WORDS, '{x}.startswith("{k}")',
            ("keep those that start with {k}", "keep what begins with {k}"),
            "those that start with {k} of {of}", LETTERS),
  Primitive("contains", "keep", WORDS, '"{k}" in {x}',
            ("keep those that contain {k}", "keep what has the letter {k}"),
            "those that contain {k} of {of}", LETTERS),
  Primitive("upper", "map", WORDS, "{x}.upper()",
            ("put each in upper case", "make all letters capitals"), "the capitals of {of}"),
  Primitive("title", "map", WORDS, "{x}.capitalize()",
            ("capitalize each", "give each a capital letter"), "the capitalized forms of {of}"),
  Primitive("mirror", "map", WORDS, "{x}[::-1]",
            ("spell each backwards", "mirror each"), "the mirrored forms of {of}"),
  Primitive("twice", "map", WORDS, "{x} * 2",
            ("repeat each twice", "write each two times"), "the doubled forms of {of}"),
  Primitive("lengths", "map", WORDS, "len({x})",
            ("take the length of each", "count the letters of each"),
            "the lengths of {of}", gives="numbers"),
  Primitive("sort", "list", LISTS, "sorted({xs})",
            ("sort them", "put them in order"), "the sorted list of {of}"),
  Primitive("descend", "list", LISTS, "sorted({xs}, reverse=True)",
            ("sort them from high to low", "put them in descending order"),
            "the descending list of {of}"),
  Primitive("reverse", "list", LISTS, "{xs}[::-1]",
            ("reverse the list", "turn the list around"), "the reverse of {of}"),
  Primitive("first", "list", LISTS, "{xs}[:{k}]",
            ("take the first {k}", "cut the list after {k}"), "the first {k} of {of}", PLACES),
  Primitive("skip", "list", LISTS, "{xs}[{k}:]",
            ("skip the first {k}", "leave out the first {k}"), "all but the first {k} of {of}",
            PLACES),
  Primitive("alternate", "list", LISTS, "{xs}[::2]",
            ("take every second one", "leave out every other one"), "every second one of {of}"),
  Primitive("sum", "end", NUMBERS, "sum({xs})",
            ("return the sum", "add them up"), "the sum of {of}"),
  Primitive("largest", "end", NUMBERS, "max({xs}, default=0)",
            ("return the largest or 0", "return the maximum or 0"), "the largest or 0 of {of}"),
  Primitive("smallest", "end", NUMBERS, "min({xs}, default=0)",
            ("return the smallest or 0", "return the minimum or 0"), "the smallest or 0 of {of}"),
  Primitive("count", "end", LISTS, "len({xs})",
            ("count them", "return how many there are"), "the number of {of}"),
  Primitive("join", "end", WORDS, '"{k}".join({xs})',
            ('join them with "{k}"', 'glue them together with "{k}"'),
            'the string with "{k}" between {of}', SEPARATORS),
)  # fmt: skip

BY_NAME = {primitive.name: primitive for primitive in ALL}


class Step(NamedTuple):
  """A primitive with its constant, if it has one."""

  primitive: Primitive
  constant: Constant | None = None
