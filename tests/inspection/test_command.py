"""`codegen-jax inspect` as a user calls it."""

import os
import sys

import pytest

from codegen_jax import main
from codegen_jax.errors import InputError
from codegen_jax.inspection import command

TEXTS = "--tasks=tests.inspection.texts"


@pytest.fixture(autouse=True)
def same_path(monkeypatch):
  monkeypatch.setattr(sys, "path", [*sys.path])
  monkeypatch.delenv("NO_COLOR", raising=False)


def inspect(*flags: str) -> None:
  main.main(["inspect", "--count=5", TEXTS, *flags])


def test_it_shows_the_rows_that_were_asked_for_and_counts_the_others(capsys):
  inspect("texts_code_psm", "--rows=2", "--seq_len=32", "--seed=4")
  said = capsys.readouterr().out
  assert [f"══ row {i} of texts_code_psm" in said for i in range(3)] == [True, True, False]
  assert "split train, seq_len 32, seed 4, attention causal" in said
  assert "\n5 rows counted\n" in said and "<fim_middle>" in said


def test_flags_reach_the_rows(capsys):
  said = set()
  for flags in ([], ["--seed=1"], ["--seq_len=65"], ["--attention=prefix"], ["--rows=1"]):
    inspect("texts_code_psm", *flags)
    said.add(capsys.readouterr().out)
  assert len(said) == 5
  inspect("texts_code_psm", "--split=validation")
  assert "split validation" in capsys.readouterr().out


def test_attention_is_chosen_by_the_objective_and_refused_where_it_cannot_be(capsys):
  inspect("texts_code_mlm")
  assert "attention bidirectional" in capsys.readouterr().out
  with pytest.raises(InputError, match="'bidirectional'"):
    inspect("texts_code_mlm", "--attention=causal")
  with pytest.raises(InputError, match="'causal' or 'prefix'"):
    inspect("texts_code_clm", "--attention=bidirectional")


def test_the_page_is_written_beside_what_is_shown(tmp_path, capsys):
  inspect("texts_mixed", f"--html={tmp_path / 'x.html'}")
  page = (tmp_path / "x.html").read_text("utf-8")
  assert page.endswith("</html>\n") and page.count("<section>") == 3
  assert "══ row 2" in capsys.readouterr().out
  assert [file.name for file in tmp_path.iterdir()] == ["x.html"]


@pytest.mark.parametrize(
  ("flags", "terminal", "no_color", "coloured"),
  [
    ((), False, None, False),
    ((), True, None, True),
    ((), True, "1", False),
    ((), True, "", True),
    (("--color=never",), True, None, False),
    (("--color=always",), False, "1", True),
  ],
)
def test_colours_where_there_is_a_terminal_that_wants_them(
  flags, terminal, no_color, coloured, capsys, monkeypatch
):
  if no_color is not None:
    monkeypatch.setenv("NO_COLOR", no_color)
  monkeypatch.setattr(sys.stdout, "isatty", lambda: terminal)
  inspect("texts_code_psm", *flags)
  said = capsys.readouterr().out
  assert ("\x1b[" in said) == coloured
  assert ("⟦" in said) != coloured


def test_list_prints_the_names(capsys):
  inspect("--list")
  names = capsys.readouterr().out.splitlines()
  assert names == sorted(names) and {"texts_mixed", "texts_code_psm"} <= {*names}


def test_help_has_an_example_and_every_flag(capsys):
  with pytest.raises(SystemExit) as left:
    main.main(["inspect", "--help"])
  assert left.value.code == 0
  said = capsys.readouterr().out
  for flag in ("rows", "count", "seq_len", "seed", "split", "attention", "html", "color", "tasks"):
    assert f"--{flag} " in said
  assert "codegen-jax inspect local_code_psm --rows=2" in said


# What cannot work is a sentence and exit code 2.


@pytest.mark.parametrize(
  ("flags", "sentence"),
  [
    (["texts_code_pms"], "no mixture 'texts_code_pms'; did you mean 'texts_code_psm'?"),
    ([], "inspect needs the name of a mixture"),
    (["texts_code_clm", "--rows=0"], "--rows is 0; give a number from 1 on"),
    (["texts_code_clm", "--count=-3"], "--count is -3"),
    (["texts_code_clm", "--seq_len=1"], "--seq_len is 1; give a number from 2 on"),
    (["texts_code_clm", "--seed=-1"], "the seed is -1"),
    (["texts_code_clm", "--split=test"], "no split 'test'"),
    (["texts_code_clm", "--html=nowhere/x.html"], "there is no folder nowhere; make it first"),
    (["texts_code_clm", "--html=."], "a folder; name a file in it"),
    (["texts_code_clm", "--tasks=no_such_tasks"], "there is no module 'no_such_tasks'"),
    (["texts_code_clm", "--tasks=tests.no_such"], "there is no module 'tests.no_such'"),
    (["texts_code_clm", "--tasks=tasks/local.py"], "name a package or a module as Python imports"),
    (["texts_code_clm", "--gin_file=x.gin"], "inspect reads a mixture by its name"),
    (["texts_code_clm", "--gin.TOTAL_STEPS=3"], "inspect reads a mixture by its name"),
  ],
)
def test_what_cannot_work_is_one_sentence(flags, sentence, capsys, tmp_path, monkeypatch):
  monkeypatch.chdir(tmp_path)
  with pytest.raises(SystemExit) as left:
    main.exit_with_sentences(lambda: inspect(*flags), "codegen-jax")
  said = capsys.readouterr()
  assert (left.value.code, said.out) == (2, "")
  assert sentence in said.err and len(said.err.splitlines()) == 1
  assert [*tmp_path.iterdir()] == []


def test_a_folder_that_may_not_be_written_is_a_sentence():
  with pytest.raises(InputError, match=r"cannot write /proc/x\.html"):  # root may not either
    inspect("texts_code_clm", "--html=/proc/x.html")


def test_an_unknown_flag_is_refused(capsys):
  with pytest.raises(SystemExit) as left:
    inspect("texts_code_clm", "--row=3")
  assert left.value.code == 2 and "--row=3" in capsys.readouterr().err


# The package that registers the mixtures.


def test_every_module_of_a_package_here_is_imported(tmp_path, monkeypatch, capsys):
  (tmp_path / "my_mixtures" / "more").mkdir(parents=True)
  register = "from tasks import build\nfrom tests.inspection import texts\n"
  for name in ("first", "more/second"):
    task = f"texts_mine_{name.rsplit('/', maxsplit=1)[-1]}"
    told = f"build.add_task({task!r}, texts.TextSource('texts_mine', texts.PROSE), texts.SPANS)\n"
    (tmp_path / "my_mixtures" / f"{name}.py").write_text(register + told)
  for folder in ("my_mixtures", "my_mixtures/more"):
    (tmp_path / folder / "__init__.py").touch()
  (tmp_path / "my_mixtures" / "__main__.py").write_text("raise SystemExit(9)\n")
  monkeypatch.chdir(tmp_path)
  monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry])
  for name in ("first", "second"):
    inspect(f"texts_mine_{name}", "--tasks=my_mixtures")
    assert f"row 2 of texts_mine_{name}" in capsys.readouterr().out


def test_an_error_inside_a_module_is_not_taken_for_a_missing_one(tmp_path, monkeypatch):
  (tmp_path / "my_broken.py").write_text("import no_such_library\n")
  monkeypatch.chdir(tmp_path)
  with pytest.raises(ModuleNotFoundError, match="no_such_library"):
    inspect("texts_code_clm", "--tasks=my_broken")


# Pipes and patience.


def test_a_reader_that_has_read_enough_is_no_error(monkeypatch):
  read, write = os.pipe()
  os.close(read)
  with os.fdopen(write, "w", encoding="utf-8") as closed:
    monkeypatch.setattr(sys, "stdout", closed)
    command._print(["x" * 100_000] * 3)
    closed.write("what is left goes nowhere")


def test_a_terminal_without_the_signs_gets_others(monkeypatch, tmp_path):
  with (tmp_path / "out").open("w", encoding="ascii") as plain:
    monkeypatch.setattr(sys, "stdout", plain)
    command._print(["a↵", "‹b›"])
  assert (tmp_path / "out").read_text() == "a?\n?b?\n"


def test_long_counts_say_how_far_they_are(capsys, monkeypatch):
  times = iter(range(0, 1000, 4))
  monkeypatch.setattr(command.time, "monotonic", lambda: next(times))
  assert [*command._told(20)] == [*range(20)]
  said = capsys.readouterr().err.splitlines()
  assert said and said[0].startswith("inspect  ") and said[0].endswith("of 20 rows counted")
  assert len(said) < 10


def test_short_counts_say_nothing(capsys):
  inspect("texts_code_clm")
  assert capsys.readouterr().err == ""
