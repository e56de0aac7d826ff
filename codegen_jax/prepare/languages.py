"""Which language a file is in, by its extension; and a first line that says it.

a.py   -->   # language: Python
             import os
             ...
"""

import dataclasses

from codegen_jax.prepare.document import Document, Drop

# The names that The Stack's folders have, each with its extensions and what begins a comment.
_TABLE = {
  "c": ("c h", "//"),
  "c++": ("cc cpp cxx c++ hh hpp hxx", "//"),
  "c-sharp": ("cs", "//"),
  "css": ("css", "/*"),
  "dart": ("dart", "//"),
  "go": ("go", "//"),
  "html": ("html htm", "<!--"),
  "java": ("java", "//"),
  "javascript": ("js jsx mjs cjs", "//"),
  "json": ("json", ""),
  "kotlin": ("kt kts", "//"),
  "lua": ("lua", "--"),
  "markdown": ("md markdown", "<!--"),
  "php": ("php", "//"),
  "python": ("py pyi", "#"),
  "restructuredtext": ("rst", ".."),
  "ruby": ("rb", "#"),
  "rust": ("rs", "//"),
  "scala": ("scala sc", "//"),
  "shell": ("sh bash", "#"),
  "sql": ("sql", "--"),
  "swift": ("swift", "//"),
  "text": ("txt", ""),
  "typescript": ("ts tsx", "//"),
  "vue": ("vue", "<!--"),
}
EXTENSIONS = {end: name for name, (ends, _) in _TABLE.items() for end in ends.split()}
COMMENTS = {name: comment for name, (_, comment) in _TABLE.items()}
_CLOSED = {"/*": " */", "<!--": " -->"}
_ALIASES = {"c#": "c-sharp", "cpp": "c++", "js": "javascript", "bash": "shell", "golang": "go"}


def normal(name: str) -> str:
  """A language as the table calls it: "C#" and "csharp" are c-sharp; others in small letters."""
  name = name.strip().lower()
  return _ALIASES.get(name, "c-sharp" if name == "csharp" else name)


def of_extension(extension: str) -> str:
  return EXTENSIONS.get(extension, "")


@dataclasses.dataclass(frozen=True)
class Language:
  """Gives a document its language where the source said none, and keeps some.

  Attributes:
    keep: names of languages; () keeps all, also those that are not known.
    assume: the language of what has no extension that is known: for a corpus of one language.
  """

  keep: tuple[str, ...] = ()
  assume: str = ""

  def __call__(self, document: Document) -> Document | Drop:
    language = normal(document.language) or of_extension(document.extension) or self.assume
    if self.keep and language not in self.keep:
      return Drop("language" if language else "no language known")
    if language == document.language:
      return document
    return dataclasses.replace(document, language=language)


@dataclasses.dataclass(frozen=True)
class Extension:
  """Keeps files by how their names end; a document without a path is kept.

  Attributes:
    keep: without dots, in small letters; () keeps all.
    drop: those that go in any case.
  """

  keep: tuple[str, ...] = ()
  drop: tuple[str, ...] = ()

  def __call__(self, document: Document) -> Document | Drop:
    extension = document.extension
    if extension in self.drop or (self.keep and extension and extension not in self.keep):
      return Drop("extension")
    return document


@dataclasses.dataclass(frozen=True)
class LanguagePrefix:
  """A first line with the language, in a comment where the language has any.

  CodeGen-Multi is told to have had such a prefix; its wording was not published, this is ours.
  """

  template: str = "language: {language}"

  def __call__(self, document: Document) -> Document | Drop:
    if not document.language:
      return document
    comment = COMMENTS.get(document.language, "")
    told = self.template.format(language=document.language)
    line = f"{comment} {told}{_CLOSED.get(comment, '')}" if comment else told
    return dataclasses.replace(document, text=f"{line}\n{document.text}")
