"""Where a completion of a function ends, as CodeGen cuts it."""

import re

PRINT = re.compile("^print", re.MULTILINE)
DEF = re.compile("^def", re.MULTILINE)
ENDS = tuple(
  re.compile(pattern, re.MULTILINE)
  for pattern in ("^#", re.escape("<|endoftext|>"), "^'''", '^"""', "\n\n\n")
)

# Text behind one of these is always cut, so a completion need not go on after it.  They are fewer
# than the rule has, since a second `def` is no string.
STOPS = ("\n#", "\n'''", '\n"""', "\n\n\n")


def truncate(completion: str) -> str:
  """Up to the second print, then the second def, then the first line that ends a function.

  As `truncate` of salesforce/CodeGen, codegen1/jaxformer/hf/sample.py.
  """
  for line in (PRINT, DEF):
    starts = [match.start() for match in line.finditer(completion)]
    if len(starts) > 1:
      completion = completion[: starts[1]]
  found = [match.start() for end in ENDS if (match := end.search(completion))]
  return completion[: min(found)] if found else completion
