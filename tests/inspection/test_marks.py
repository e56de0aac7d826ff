import re

from codegen_jax.inspection import marks
from codegen_jax.inspection.places import Run


def run(text, *, asked=None, scored=False, prefix=False, special=False) -> Run:
  return Run(text, asked, scored, prefix, special)


PSM = [
  run("<fim_prefix>", prefix=True, special=True),
  run("a↵\nb", prefix=True),
  run("<fim_middle>", prefix=True, scored=True, special=True),
  run("c", scored=True),
  run("d"),
]
IN_PLACE = [
  run("a "),
  run("<mask_1>", scored=True, special=True, asked="b"),
  run("c", scored=True, asked="c"),
  run(" d"),
]


def test_signs_enclose_what_is_prefix_and_inside_it_what_is_not_scored():
  signs = marks.Signs("prefix")
  assert signs.text(PSM) == "⟦‹<fim_prefix>a↵\nb›<fim_middle>⟧c‹d›"
  assert signs.text([run("a", prefix=True), run("b")]) == "⟦‹a›⟧‹b›"
  assert signs.text([run("a"), run("b", prefix=True)]) == "‹a›⟦‹b›⟧"
  assert signs.text([run("a", scored=True)]) == "a"
  assert signs.text([]) == ""


def test_signs_in_place_show_what_is_asked_for():
  assert marks.Signs("bidirectional").text(IN_PLACE) == "a {<mask_1>→b}{c→c} d"


def test_no_line_of_signs_has_a_colour():
  for attention in ("causal", "prefix", "bidirectional"):
    signs = marks.Signs(attention)
    assert "\x1b" not in signs.legend() + signs.text(PSM) + signs.soft("a")


def test_each_kind_has_a_colour_of_its_own_and_a_special_token_is_reversed():
  colours = marks.Colours("causal")
  kinds = {
    colours.text([run("x", scored=scored, prefix=prefix, special=special)])
    for scored in (False, True)
    for prefix in (False, True)
    for special in (False, True)
  }
  assert len(kinds) == 8
  assert sum(";7m" in kind for kind in kinds) == 4


def test_colours_taken_away_leave_the_text_and_end_with_each_line():
  for painted, text in (
    (marks.Colours("causal").text(PSM), "<fim_prefix>a↵\nb<fim_middle>cd"),
    (marks.Colours("bidirectional").text(IN_PLACE), "a <mask_1>→bc→c d"),
  ):
    assert re.sub("\x1b\\[[0-9;]*m", "", painted) == text
    for line in painted.split("\n"):
      assert line.endswith("\x1b[0m") and line.count("\x1b[0m") * 2 == line.count("\x1b[")


def test_the_legend_says_what_is_marked_and_what_a_prefix_is_now():
  for kind in (marks.Signs, marks.Colours):
    assert "prefix, read both ways" in kind("prefix").legend()
    assert "prefix, where attention is prefix" in kind("causal").legend()
    assert "asked for" in kind("bidirectional").legend()
    assert "prefix" not in kind("bidirectional").legend()
    assert "\n" not in kind("causal").legend()
