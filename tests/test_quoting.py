"""Words from outside go into other languages as words, whatever is in them."""

import shlex
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claster.dataset.downloads.plan import _curl_string
from claster.eir.export import _markdown_text
from claster.quoting import pasteable, printable

ANYTHING = st.text(st.characters(exclude_categories=()), max_size=20)
HOSTILE = [
    "\x1b]0;title\x07",
    "a\rb",
    "a\bb",
    "\x9b31m",
    "\u202egpj.exe",
    "\u2066x\u2069",
    "\u2028next",
    "\x00",
    "\ud800",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_what_steers_a_terminal_is_written_out(text):
    shown = printable(f"before {text} after")
    assert "\\u" in shown
    assert shown.isprintable()
    assert (shown.startswith("before "), shown.endswith(" after")) == (True, True)


@pytest.mark.parametrize("text", ["plain", "H3K27ac µ é 漢字 →", "two\nlines\tand a tab", ""])
def test_what_is_to_be_read_stays(text):
    assert printable(text) == text


@given(ANYTHING)
def test_only_line_ends_and_tabs_are_left_of_what_steers(text):
    shown = printable(text).replace("\n", "").replace("\t", "")
    assert all(c.isprintable() or c.isspace() for c in shown)
    assert not {"\r", "\v", "\f", "\x1b", "\x85", "\u2028"} & set(shown)
    assert printable(printable(text)) == printable(text)


@given(st.lists(st.text(st.characters(exclude_characters="\0"), max_size=8), min_size=1))
def test_a_shell_reads_the_words_that_were_given(words):
    assert shlex.split(pasteable(words)) == words


def test_a_shell_runs_nothing_else(tmp_path):
    hostile = ["$(touch x)", "`touch x`", "; touch x", "a b", "*", "'", "-n"]
    line = pasteable(["printf", "%s\\n", *hostile])
    told = subprocess.run(
        ["sh", "-c", line], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert told.stdout.splitlines() == hostile
    assert not list(tmp_path.iterdir())


@given(ANYTHING)
def test_a_value_of_curl_ends_where_it_ends(text):
    quoted = _curl_string(text)
    assert "\n" not in quoted
    assert "\r" not in quoted
    inside = quoted[1:-1]
    while "\\" in inside:
        at = inside.index("\\")
        assert inside[at + 1] in '\\"tnrv'
        inside = inside[:at] + inside[at + 2 :]
    assert '"' not in inside


@given(ANYTHING)
def test_a_cell_of_markdown_stays_one_cell(text):
    cell = _markdown_text(text)
    assert len(cell.splitlines()) <= 1
    assert "|" not in cell.replace("\\|", "")
    assert "<" not in cell
