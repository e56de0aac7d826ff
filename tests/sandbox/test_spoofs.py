"""Programs that would look as if they had passed."""

import textwrap

import pytest

SPOOFS = {
  "leave early": ("crashed", "import os; os._exit(0)"),
  "leave through posix": ("crashed", "import posix; posix._exit(0)"),
  "leave early, with a fork that does not": (
    "crashed",
    "import os\nif os.fork(): os._exit(0)",
  ),
  "sys.exit": ("failed", "import sys; sys.exit(0)"),
  "raise SystemExit": ("failed", "raise SystemExit"),
  "exit at exit": (
    "failed",
    "import atexit, os\natexit.register(os._exit, 0)\nraise ValueError",
  ),
  "leave in the text of an error": (
    "crashed",
    """
    import os
    class E(Exception):
      def __str__(self): os._exit(0)
    raise E
    """,
  ),
  "an error that cannot be shown": (
    "failed",
    """
    class E(BaseException):
      def __str__(self): raise self
    raise E
    """,
  ),
  "kill itself": ("crashed", "import os, signal\nos.kill(os.getpid(), signal.SIGTERM)"),
  "abort": ("crashed", "import os; os.abort()"),
  "replace its process": ("crashed", "import os; os.execv('/bin/true', ['true'])"),
  "write to every file": (
    "crashed",
    """
    import os
    for to in range(64):
      for text in (b"passed", b'["passed", "", null]', b"0" * 32 + b'["passed", "", null]'):
        try: os.write(to, text)
        except OSError: pass
    raise ValueError
    """,
  ),
  "write a verdict to every file, and leave": (
    "crashed",
    """
    import os
    for to in range(64):
      try: os.write(to, b'["passed", "", null]')
      except OSError: pass
    os._exit(0)
    """,
  ),
  "close every file": ("crashed", "import os; os.closerange(0, 64)"),
  "walk frames": (
    "failed",
    """
    import sys
    frame = sys._getframe()
    while frame:
      for names in (frame.f_locals, frame.f_globals):
        for name, value in list(names.items()):
          if isinstance(value, list): value.append("passed")
          if isinstance(value, dict) and value is not names: value["outcome"] = "passed"
          if name in ("outcome", "result", "verdict", "said", "detail"): names[name] = "passed"
      frame = frame.f_back
    raise ValueError
    """,
  ),
  "walk all objects": (
    "failed",
    """
    import gc, types
    for one in gc.get_objects():
      if type(one) is list and not any(map(callable, one)): one.append("passed")
      if type(one) is dict and "outcome" in one: one["outcome"] = "passed"
    raise ValueError
    """,
  ),
  "replace builtins": (
    "failed",
    """
    import builtins
    builtins.BaseException = builtins.Exception = builtins.MemoryError = type("A", (), {})
    for name in ("isinstance", "type", "str", "len", "dict", "print", "compile", "exec"):
      setattr(builtins, name, lambda *a, **k: "passed")
    raise 1
    """,
  ),
  "replace os, json and signal": (
    "failed",
    """
    import os, posix, json, json.encoder, signal, sys
    def passed(*a, **k): return b"passed"
    real = os.write
    for module in (os, posix):
      module._exit = module.getpid = module.read = passed
      module.write = lambda to, what: real(to, b"passed")
    json.dumps = json.JSONEncoder.encode = json.encoder.encode_basestring_ascii = passed
    sys.modules.clear()
    raise ValueError
    """,
  ),
  "an alarm after the end": (
    "failed",
    """
    import signal
    signal.signal(signal.SIGALRM, lambda *_: None)
    signal.setitimer(signal.ITIMER_REAL, 1e-4, 1e-4)
    raise ValueError
    """,
  ),
  "close standard output": ("failed", "import sys\nsys.stdout.close()\nraise ValueError"),
  "a syntax error": ("failed", "def f(:"),
  "a null in the source": ("failed", "x = '\0'"),
  "half a character": ("failed", "x = '\ud800'\nraise ValueError(x)"),
}


@pytest.mark.parametrize("name", SPOOFS)
def test_none_of_them_passes(run, name):
  expected, source = SPOOFS[name]
  verdict = run(textwrap.dedent(source))
  assert (verdict.outcome, verdict.value, verdict.attempts) == (expected, None, 1), verdict
  assert run("pass").passed


HARMLESS = {
  "close standard output": "import sys\nprint(1)\nsys.stdout.close()\nsys.stderr.close()",
  "replace standard output": "import io, sys\nsys.stdout = io.StringIO()\nprint(1)",
  "put something to do at exit": "import atexit, os\natexit.register(os._exit, 1)",
  "fork, and let both come to the end": "import os\nos.fork()",
  "change the working folder": "import os\nos.mkdir('a'); os.chdir('a'); os.rmdir('../a')",
  "have a main part that would fail": "if __name__ == '__main__': raise ValueError",
  "ask for more recursion": "import sys\nsys.setrecursionlimit(10**6)",
  "ignore signals": "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)",
  "trace": "import sys\nsys.settrace(lambda *_: None)\nsys.setprofile(lambda *_: None)",
  "switch the collector off": "import gc\ngc.disable()",
  "shadow our names": "value = outcome = verdict = nonce = names = job = None",
}


@pytest.mark.parametrize("name", HARMLESS)
def test_what_is_odd_but_right_passes(run, name):
  verdict = run(HARMLESS[name])
  assert verdict.passed and verdict.attempts == 1, verdict


def test_a_postlude_has_its_own_builtins(run):
  source = "import builtins\nbuiltins.len = builtins.exec = lambda *_: 99\nx = len('abc')"
  looks = "def say(): return [len('abc'), program['x']]"
  assert run(source, prelude=looks, postlude="value = say()").value == [3, 99]


def test_our_modules_are_not_there_to_be_patched(run):
  verdict = run("import sys; assert not [n for n in sys.modules if n.startswith('codegen_jax')]")
  assert verdict.passed, verdict


def test_the_line_of_an_error_is_told(run):
  verdict = run("def f(x):\n  assert x == 2, 'not two'\n\nf(2)\nf(3)\n")
  assert verdict.detail == "AssertionError: not two (line 2)"


def test_a_long_error_is_cut(run):
  assert len(run("raise ValueError('x' * 10**6)").detail) < 600
