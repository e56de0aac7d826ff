"""Which language a document is written in, by the end of its name."""

import pathlib

OTHER = "other"

LANGUAGES = {
  ".c": "c",
  ".cc": "c++",
  ".cpp": "c++",
  ".cs": "c#",
  ".dart": "dart",
  ".go": "go",
  ".h": "c",  # most of them
  ".hpp": "c++",
  ".java": "java",
  ".js": "javascript",
  ".kt": "kotlin",
  ".lua": "lua",
  ".md": "markdown",
  ".php": "php",
  ".py": "python",
  ".rb": "ruby",
  ".rs": "rust",
  ".rst": "restructuredtext",
  ".scala": "scala",
  ".sh": "shell",
  ".sql": "sql",
  ".swift": "swift",
  ".ts": "typescript",
  ".txt": "text",
  ".vue": "vue",
}


def language(path: str) -> str:
  """Of a document; a name that ends in nothing known is `OTHER`."""
  return LANGUAGES.get(pathlib.PurePosixPath(path).suffix.lower(), OTHER)
