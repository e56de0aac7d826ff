"""Gin files become one checked dataclass, and every mistake in them one helpful sentence."""

from collections.abc import Sequence
import dataclasses
import importlib
import json
from pathlib import Path
import sys
from typing import Literal

import gin
import pytest

from codegen_jax import config
from codegen_jax.errors import InputError
from codegen_jax.gin_files import field_types
from codegen_jax.gin_files.field_types import MisfitError

TOY = """
import dataclasses
from pathlib import Path
from typing import Callable, Literal
from codegen_jax.errors import InputError

def relu(x): return max(x, 0)

@dataclasses.dataclass(frozen=True)
class Adam:
  rate: float = 1e-3

@dataclasses.dataclass(frozen=True)
class Sgd:
  rate: float = 1e-1

@dataclasses.dataclass(frozen=True)
class Data:
  mixture: str
  rows: int = 8

@dataclasses.dataclass(frozen=True)
class Train:
  steps: int
  attention: Literal["causal", "prefix"]
  data: Data
  eval_data: Data | None = None
  optimizer: Adam | Sgd = Adam()
  folder: Path | None = None
  betas: tuple[float, ...] = ()
  activation: Callable = relu
  parts: tuple[Data, ...] = ()
  remat: bool = False

  def __post_init__(self):
    if self.steps < 0:
      raise ValueError(f"steps={self.steps} is negative")
    if self.steps == 13:
      raise InputError("13 steps bring bad luck; take 14")
"""

BASE = """
from __gin__ import dynamic_registration
from toylib import toy
STEPS = %gin.REQUIRED
ATTENTION = %gin.REQUIRED
MIXTURE = %gin.REQUIRED
toy.Train:
  steps = %STEPS
  attention = %ATTENTION
  data = @toy.Data()
toy.Data.mixture = %MIXTURE
"""

ARM = """
from __gin__ import dynamic_registration
from toylib import task
from toylib import toy
include 'gin_configs/base.gin'
STEPS = 5
ATTENTION = 'causal'
MIXTURE = 'local'
"""


@pytest.fixture(scope="module")
def toy(tmp_path_factory):
  """The toy library, imported once: two imports of one file would make two classes of one name."""
  folder = tmp_path_factory.mktemp("library")
  (folder / "toylib").mkdir()
  (folder / "toylib/__init__.py").touch()
  (folder / "toylib/toy.py").write_text(TOY)
  (folder / "toylib/task.py").write_text("seen = []")
  with pytest.MonkeyPatch.context() as patch:
    patch.syspath_prepend(folder)
    yield importlib.import_module("toylib.toy")
  for name in [name for name in sys.modules if name.partition(".")[0] == "toylib"]:
    del sys.modules[name]


@pytest.fixture
def load(toy, tmp_path, monkeypatch):
  """load("gin text", "BINDING = 1"): the text is an arm, and the base it includes is beside it."""
  monkeypatch.chdir(tmp_path)
  monkeypatch.setattr(config, "CHECKOUT", tmp_path / "checkout")
  monkeypatch.setattr(sys, "path", [*sys.path])
  (tmp_path / "gin_configs").mkdir()
  (tmp_path / "gin_configs/base.gin").write_text(BASE)

  def load_text(text, *bindings):
    (tmp_path / "gin_configs/arm.gin").write_text(text)
    return config.load(toy.Train, ["gin_configs/arm.gin"], bindings)

  return load_text


@pytest.fixture
def refusal(load):
  """The one sentence that load() refuses with."""

  def refusal_of(text, *bindings):
    with pytest.raises(InputError) as caught:
      load(text, *bindings)
    assert "\n" not in str(caught.value)
    return str(caught.value)

  return refusal_of


def test_an_arm_fills_the_macros_of_its_base(load, toy):
  expected = toy.Train(steps=5, attention="causal", data=toy.Data("local"))
  assert load(ARM).config == expected


def test_the_last_word_holds_and_the_command_line_speaks_last(load):
  got = load(ARM + "STEPS = 6\n", "STEPS = 7", "toy.Data.rows = 2", "Train.attention = 'prefix'")
  assert (got.config.steps, got.config.data.rows, got.config.attention) == (7, 2, "prefix")


def test_a_class_that_no_file_mentions_is_known_by_its_name(toy):
  got = config.load(
    toy.Train,
    [],
    ["Train.steps = 1", "Train.attention = 'causal'", "toy.Train.data = @Data()"]
    + ["toylib.toy.Data.mixture = 'm'"],
  )
  assert got.config == toy.Train(1, "causal", toy.Data("m"))
  assert "import toylib.toy\n" in got.gin_text
  assert config.load(toy.Adam, []).config == toy.Adam()


def test_a_scope_gives_two_objects_of_one_class_their_own_values(load):
  lines = "toy.Train.eval_data = @eval/toy.Data()\neval/toy.Data.rows = 1\n"
  got = load(ARM + lines).config
  assert (got.data.rows, got.eval_data.rows, got.eval_data.mixture) == (8, 1, "local")


def test_two_files_may_use_one_name_for_two_modules(load, toy, tmp_path):
  load(ARM)
  (tmp_path / "other.gin").write_text("from toylib import task as toy\n")
  for files in (["gin_configs/arm.gin", "other.gin"], ["other.gin", "gin_configs/arm.gin"]):
    assert config.load(toy.Train, files, ["toy.Data.rows = 2"]).config.data.rows == 2


def test_two_loads_know_nothing_of_each_other(load, refusal):
  assert load(ARM, "Train.remat = True").config.remat is True
  assert load(ARM).config.remat is False
  assert refusal(BASE).startswith("STEPS, ATTENTION and MIXTURE are required and not set")


@pytest.mark.parametrize(
  ("value", "hint", "fitted"),
  [
    (3, float | int, 3),
    (None, int | None, None),
    ([1, 2], tuple[float, int], (1.0, 2)),
    ({"a": 1}, dict[str, float], {"a": 1.0}),
    (True, Literal[1, 2], MisfitError),
    (True, float, MisfitError),
    ((1, 2, 3), tuple[int, int], MisfitError),
    ("text", Sequence[str], MisfitError),
    ({"a": "b"}, dict[str, int], MisfitError),
    (int, type[str], MisfitError),
  ],
)
def test_a_value_fits_its_annotation_or_does_not(value, hint, fitted):
  if fitted is MisfitError:
    with pytest.raises(MisfitError):
      field_types.fit(value, hint)
  else:
    got = field_types.fit(value, hint)
    assert repr(got) == repr(fitted)  # 3 == 3.0, and their reprs differ


@pytest.mark.parametrize(
  ("line", "field", "value"),
  [
    ("toy.Train.betas = [1, 0.5]", "betas", (1.0, 0.5)),
    ("toy.Train.folder = 'a/b'", "folder", Path("a/b")),
    ("toy.Train.folder = None", "folder", None),
    ("toy.Train.activation = @toy.relu", "activation", None),
  ],
)
def test_values_arrive_as_their_field_wants_them(load, toy, line, field, value):
  got = getattr(load(f"{ARM}{line}\n").config, field)
  expected = toy.relu if field == "activation" else value
  assert got == expected
  assert type(got) is type(expected)


def test_an_int_becomes_a_float_where_one_is_wanted(load):
  rate = load(ARM + "toy.Train.optimizer = @toy.Sgd()\ntoy.Sgd.rate = 1\n").config.optimizer.rate
  assert isinstance(rate, float)


EVERYTHING = f"""{ARM}
QUOTES = 'say "it\\'s"\\n%X @y'
toy.Train.betas = (1e-8, -0.5)
toy.Train.folder = '/a b'
toy.Train.parts = (@one/toy.Data(), @toy.Data(), %THIRD)
THIRD = @toy.Data()
THIRD/toy.Data.rows = 3
toy.Train.eval_data = None
toy.Train.optimizer = @toy.Sgd()
toy.Train.activation = @toy.relu
one/toy.Data.mixture = %QUOTES
"""


def test_the_gin_text_alone_gives_the_same_config(load, toy, tmp_path):
  first = load(EVERYTHING, "STEPS = 99", "toy.Sgd.rate = 0.25")
  assert first.config.parts[0].mixture == 'say "it\'s"\n%X @y'
  assert "include" not in first.gin_text
  assert "import toylib.task" in first.gin_text  # it registers what the mixture names
  assert "STEPS = 99" in first.gin_text
  (tmp_path / "gin_configs/base.gin").unlink()
  (tmp_path / "again.gin").write_text(first.gin_text)
  again = config.load(toy.Train, ["again.gin"])
  assert again == first


def test_gin_itself_makes_the_same_of_the_files_and_of_our_text(load, toy, tmp_path):
  ours = load(EVERYTHING)
  for source in ((tmp_path / "gin_configs/arm.gin").read_text(), ours.gin_text):
    gin.clear_config()
    try:
      gin.parse_config(source)
      theirs = gin.get_configurable(toy.Train)()
    finally:
      gin.clear_config()
    # Gin hands over the str and its own wrapper; a Path and the plain function are our doing.
    theirs = dataclasses.replace(theirs, folder=Path(theirs.folder), activation=toy.relu)
    assert theirs == ours.config


def test_flat_lists_every_field_and_is_json(load):
  got = config.flat(load(EVERYTHING).config)
  assert json.loads(json.dumps(got)) == got
  assert got == {
    "steps": 5,
    "attention": "causal",
    "data.mixture": "local",
    "data.rows": 8,
    "eval_data": None,
    "optimizer": "toylib.toy.Sgd",
    "optimizer.rate": 0.1,
    "folder": "/a b",
    "betas": [1e-08, -0.5],
    "activation": "toylib.toy.relu",
    "parts.0": "toylib.toy.Data",
    "parts.0.mixture": 'say "it\'s"\n%X @y',
    "parts.0.rows": 8,
    "parts.1": "toylib.toy.Data",
    "parts.1.mixture": "local",
    "parts.1.rows": 8,
    "parts.2": "toylib.toy.Data",
    "parts.2.mixture": "local",
    "parts.2.rows": 3,
    "remat": False,
  }


MISTAKES = {
  "a misspelt macro in a file": (
    ARM + "STEP = 5\n",
    "unknown macro STEP (gin_configs/arm.gin:9): nothing reads it; did you mean STEPS?",
  ),
  "a misspelt macro that is read": (
    ARM + "toy.Data.rows = %STEPZ\n",
    "%STEPZ (gin_configs/arm.gin:9) is not set anywhere; did you mean %STEPS?",
  ),
  "a misspelt field": (
    ARM + "toy.Train.atention = 'prefix'\n",
    "toylib.toy.Train has no field 'atention' (gin_configs/arm.gin:9); did you mean 'attention'?",
  ),
  "a misspelt field in a block": (
    ARM + "toy.Data:\n  mixture = 'x'\n  row = 3\n",
    "toylib.toy.Data has no field 'row' (gin_configs/arm.gin:11); did you mean 'rows'?",
  ),
  "a field with no near name": (
    ARM + "toy.Data.zzz = 1\n",
    "toylib.toy.Data has no field 'zzz' (gin_configs/arm.gin:9); there is 'mixture', 'rows'",
  ),
  "a misspelt class": (
    ARM + "toy.Trian.steps = 1\n",
    "toylib.toy has no 'Trian' (gin_configs/arm.gin:9); did you mean 'Train'?",
  ),
  "a misspelt class in a reference": (
    ARM + "toy.Train.optimizer = @toy.Adm()\n",
    "toylib.toy has no 'Adm' (gin_configs/arm.gin:9); did you mean 'Adam'?",
  ),
  "a misspelt module": (
    ARM + "toi.Train.remat = True\n",
    "no import gives a meaning to toi.Train (gin_configs/arm.gin:9); did you mean toy.Train?",
  ),
  "a misspelt import": (
    "from toylib import tusk\n",
    "no module toylib.tusk (gin_configs/arm.gin:1); did you mean toylib.task?",
  ),
  "an import of a class": (
    "from toylib.toy import Train\n",
    "no module toylib.toy.Train (gin_configs/arm.gin:1); gin imports modules only:"
    " import toylib.toy and write toy.Train",
  ),
  "a module for a class": (
    ARM + "toy.steps = 1\n",
    "toy (gin_configs/arm.gin:9) is a module: write toy.CLASS.FIELD = ...",
  ),
  "a misspelt scope": (
    ARM + "toy.Train.eval_data = @eval/toy.Data()\nevl/toy.Data.rows = 1\n",
    "evl/toylib.toy.Data.rows (gin_configs/arm.gin:10) has no effect:"
    " nothing uses toylib.toy.Data in the scope evl/; did you mean eval/?",
  ),
  "a class that is never used": (
    ARM + "toy.Sgd.rate = 0.5\n",
    "toylib.toy.Sgd.rate (gin_configs/arm.gin:9) has no effect: nothing uses toylib.toy.Sgd;"
    " did you forget toylib.toy.Train.optimizer = @toylib.toy.Sgd()?",
  ),
  "several lines for a class that is never used": (
    ARM + "RATE = 0.5\ntoy.Sgd.rate = %RATE\nfast/toy.Sgd.rate = 1.0\n",
    "toylib.toy.Sgd.rate (gin_configs/arm.gin:10) and fast/toylib.toy.Sgd.rate"
    " (gin_configs/arm.gin:11) have no effect: nothing uses toylib.toy.Sgd;"
    " did you forget toylib.toy.Train.optimizer = @toylib.toy.Sgd()?",
  ),
  "text for an int": (
    ARM + "STEPS = '100'\n",
    "STEPS (gin_configs/arm.gin:9) is '100', but toylib.toy.Train.steps takes int;"
    " write 100, without quotes",
  ),
  "a float for an int": (
    ARM + "STEPS = 100.0\n",
    "STEPS (gin_configs/arm.gin:9) is 100.0, but toylib.toy.Train.steps takes int; write 100",
  ),
  "a bool for an int": (
    ARM + "toy.Data.rows = True\n",
    "toylib.toy.Data.rows (gin_configs/arm.gin:9) is True, but toylib.toy.Data.rows takes int",
  ),
  "a misspelt word": (
    ARM + "ATTENTION = 'prefx'\n",
    "ATTENTION (gin_configs/arm.gin:9) is 'prefx', but toylib.toy.Train.attention takes"
    " 'causal' or 'prefix'; did you mean 'prefix'?",
  ),
  "one wrong item of a tuple": (
    ARM + "toy.Train.betas = (0.1, 0.2, 'x', 0.3)\n",
    "toylib.toy.Train.betas (gin_configs/arm.gin:9) is (0.1, 0.2, 'x', 0.3),"
    " but toylib.toy.Train.betas takes tuple[float, ...]",
  ),
  "an object of the wrong class": (
    ARM + "toy.Train.data = @toy.Adam()\n",
    "toylib.toy.Train.data (gin_configs/arm.gin:9) is @Adam(),"
    " but toylib.toy.Train.data takes Data",
  ),
  "a class that is not called": (
    ARM + "toy.Train.eval_data = @toy.Data\n",
    "toylib.toy.Train.eval_data (gin_configs/arm.gin:9) is @Data, but toylib.toy.Train.eval_data"
    " takes Data or None; write @Data() to make one",
  ),
  "no quotes": (
    "MIXTURE = local\n",
    "gin cannot read 'MIXTURE = local' (gin_configs/arm.gin:1):"
    " text needs quotes, a macro a %, a class an @",
  ),
  "half a line": (
    ARM + "toy.Data.rows\n",
    "gin cannot read 'toy.Data.rows' (gin_configs/arm.gin:9):"
    " Couldn't parse statement, expected ':' or '='",
  ),
  "a bracket that stays open": (
    "BETAS = (1,\n",
    "gin cannot read 'BETAS = (1,' (gin_configs/arm.gin:2): EOF in multi-line statement",
  ),
  "an include that is not there": (
    "include 'gin_configs/bsae.gin'\n",
    "no gin file gin_configs/bsae.gin (included at gin_configs/arm.gin:1);"
    " did you mean gin_configs/base.gin?",
  ),
  "an include of itself": (
    "include 'gin_configs/arm.gin'\n",
    "gin_configs/arm.gin (included at gin_configs/arm.gin:1) includes itself:"
    " take one of the includes out",
  ),
  "a circle of macros": (
    ARM + "STEPS = %OTHER\nOTHER = %STEPS\n",
    "%STEPS is defined through itself: give it a value that does not need it",
  ),
  "what the dataclass refuses": (ARM + "STEPS = -1\n", "toylib.toy.Train: steps=-1 is negative"),
  "what the dataclass refuses for the user": (
    ARM + "STEPS = 13\n",
    "13 steps bring bad luck; take 14",
  ),
}


@pytest.mark.parametrize(("text", "sentence"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_becomes_one_sentence(refusal, text, sentence):
  assert refusal(text) == sentence


def test_a_mistake_on_the_command_line_is_shown_as_a_flag(refusal):
  assert refusal(ARM, "STEP = 5") == (
    "unknown macro STEP (set on the command line as --gin.STEP): nothing reads it;"
    " did you mean STEPS?"
  )
  assert refusal(ARM, "Trian.remat = True") == (
    "no import gives a meaning to Trian (set on the command line as --gin.Trian.remat);"
    " did you mean Train?"
  )
  assert refusal(ARM, "MIXTURE = (1,").startswith(
    "gin cannot read 'MIXTURE = (1,' (set on the command line as --gin.MIXTURE): "
  )


def test_all_that_is_missing_is_named_at_once(refusal):
  assert refusal(ARM.replace("ATTENTION = 'causal'", "")) == (
    "ATTENTION is required and not set: add a line ATTENTION = ... to your gin file"
    " or pass --gin.ATTENTION=VALUE"
  )
  assert refusal("from toylib import toy\ntoy.Train.data = @toy.Data()\n") == (
    "toylib.toy.Train.steps, toylib.toy.Train.attention and toylib.toy.Data.mixture are required"
    " and not set: add a line such as toylib.toy.Train.steps = ... for each to your gin file"
    " or pass --gin.toylib.toy.Train.steps=VALUE"
  )


def test_a_line_may_lose_its_reader_to_a_later_line_but_not_to_an_earlier_one(load, refusal):
  sgd = "toy.Train.optimizer = @toy.Sgd()\ntoy.Sgd.rate = 0.5\n"
  got = load(ARM + sgd, "Train.optimizer = @toy.Adam()", "Train.steps = 9")
  assert (type(got.config.optimizer).__name__, got.config.steps) == ("Adam", 9)
  assert "STEPS" not in got.gin_text.replace("toy.Train.steps", "")
  assert refusal(ARM + "toy.Train.steps = 9\n", "STEPS = 7") == (
    "STEPS (set on the command line as --gin.STEPS) has no effect: gin_configs/base.gin:8 reads it,"
    " but that line is overruled by gin_configs/arm.gin:9"
  )


def test_a_gin_file_that_is_not_there_says_what_is_or_where_it_looked(load, toy, tmp_path):
  load(ARM)
  for name in ("amr.gin", "gin_config/arm.gin", "gin_configs/arm"):
    with pytest.raises(InputError) as caught:
      config.load(toy.Train, [name])
    assert str(caught.value) == f"no gin file {name}; did you mean gin_configs/arm.gin?"
  with pytest.raises(InputError) as caught:
    config.load(toy.Train, ["lesson2.gin"], search_paths=["gin_configs"])
  assert str(caught.value) == (
    f"no gin file lesson2.gin; looked in {tmp_path}/gin_configs, {tmp_path}, {tmp_path}/checkout"
  )


def test_an_error_inside_an_imported_module_keeps_its_traceback(load, toy):
  broken = Path(toy.__file__).parent / "broken.py"
  broken.write_text("import no_such_dependency")
  importlib.invalidate_caches()
  with pytest.raises(ModuleNotFoundError, match="no_such_dependency"):
    load("from toylib import broken\n")


def test_search_paths_come_before_the_working_directory(load, toy, tmp_path):
  load(ARM)
  other = tmp_path / "elsewhere/gin_configs"
  other.mkdir(parents=True)
  (other / "base.gin").write_text(BASE + "toy.Data.rows = 77\n")
  got = config.load(toy.Train, ["gin_configs/arm.gin"], search_paths=["elsewhere"])
  assert got.config.data.rows == 77


def test_the_checkout_is_found_from_any_directory(load, tmp_path):
  (tmp_path / "checkout/gin_configs").mkdir(parents=True)
  (tmp_path / "gin_configs/base.gin").rename(tmp_path / "checkout/gin_configs/base.gin")
  (tmp_path / "checkout/toy_tasks.py").touch()
  importlib.invalidate_caches()
  assert load("import toy_tasks\n" + ARM).config.steps == 5


def test_the_checkout_is_the_folder_that_holds_the_package():
  assert (config.CHECKOUT / "codegen_jax/config.py").samefile(config.__file__)


def test_flags_follow_t5x():
  argv = ["train", "--gin_file=a.gin", "--gin_file", "b.gin", "--workdir=/w", "--gin.STEPS=5"]
  argv += ["--gin_bindings=A.x = 'q'", "--gin_search_paths=one,two", "--gin.loop.T.f=@x.Y()", "-v"]
  assert config.parse_gin_flags(argv) == (
    ["a.gin", "b.gin"],
    ["STEPS = 5", "A.x = 'q'", "loop.T.f = @x.Y()"],
    ["one", "two"],
    ["train", "--workdir=/w", "-v"],
  )


@pytest.mark.parametrize(
  ("given", "binding"),
  [
    ("code_and_prose_clm", "M = 'code_and_prose_clm'"),
    ("'code_and_prose_clm'", "M = 'code_and_prose_clm'"),
    ("gs://a/b=c", "M = 'gs://a/b=c'"),
    ("2b", "M = '2b'"),
    ("it's", 'M = "it\'s"'),
    ("1e-4", "M = 1e-4"),
    ("None", "M = None"),
    ("%OTHER", "M = %OTHER"),
    ("(1, 2", "M = (1, 2"),  # load() says what is wrong with it
  ],
)
def test_text_needs_no_quotes_on_the_command_line(given, binding):
  assert config.parse_gin_flags([f"--gin.M={given}"])[1] == [binding]


@pytest.mark.parametrize(
  ("argv", "sentence"),
  [
    (["--gin.STEPS", "5"], "--gin.STEPS needs a value: write --gin.STEPS=VALUE"),
    (["--gin_file"], "--gin_file needs a value: write --gin_file=VALUE"),
    (["--gin_files=a"], "unknown flag --gin_files; did you mean --gin_file?"),
  ],
)
def test_a_flag_without_a_value_is_refused(argv, sentence):
  with pytest.raises(InputError) as caught:
    config.parse_gin_flags(argv)
  assert str(caught.value).startswith(sentence)
