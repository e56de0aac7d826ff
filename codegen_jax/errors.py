"""The one exception that a user is meant to read."""


class InputError(ValueError):
  """Something the user gave cannot work: a config, a file, a folder, a flag.

  The message is one sentence that says what came in, what was expected and the likely fix.  The
  command line prints it without a traceback and exits with code 2; every other exception is a bug
  of ours and keeps its traceback.
  """
