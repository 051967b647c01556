"""Messages: one line of bounded length, free of what a terminal obeys, whatever is put into them."""

from __future__ import annotations

import pickle
import re
import sys
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinometer import errors
from clinometer.cli.streams import guarded
from clinometer.errors import (
    ClinometerError,
    FormatError,
    MissingExtraError,
    UsageError,
    bounded,
    first_few,
    first_line,
    printable,
    shortened,
)

DRIVING = re.compile("[\0-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
"""What a terminal, or a reader of lines, would act on."""

CLASSES = [
    kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, ClinometerError) and kind not in (FormatError, MissingExtraError)
]
HARMFUL = "\x1b]0;title\x07\x1b[2J\u202e\ud800\x9b31m\r\n\x00"


def harmless(text: str) -> bool:
    controls = any(unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") for character in text)
    return not controls and not DRIVING.search(text)


@given(st.text() | st.text("\x1b[m'\"\\ a\n\r\x9b\u202e"))
def test_every_message_is_one_line_without_control_characters(text: str) -> None:
    for error in (
        UsageError(text),
        FormatError(text, 7, text),
        ClinometerError(repr(text)),
        MissingExtraError(text, "x"),
    ):
        assert harmless(str(error))
        str(error).encode()
        assert len(str(error)) <= 1000 + 6 * len(text) + 3


@pytest.mark.parametrize(
    "foreign", ["x" * 10**6, "x y " * 10**6, 'it\'s "so" ' * 10**5, "\x1b[31m" * 10**5, "\\'" * 10**5]
)
def test_quotations_are_bounded_and_the_fix_stays(foreign: str) -> None:
    message = str(UsageError(f"the id {foreign!r} is unknown; choose another one"))
    assert message.startswith("the id ")
    assert message.endswith("is unknown; choose another one")
    assert len(message) < 400
    several = str(UsageError(f"{foreign!r} and {foreign!r} and {foreign!r} differ; choose one"))
    assert len(several) < 450
    assert len(str(UsageError(f"the server said: {foreign}; try again"))) <= 1000


def test_what_is_short_stays_as_it_is() -> None:
    for message in (
        "the id 'a' is unknown; write 'b'",
        "",
        "naïve 中文 'ß'",
        "the server's and the model's names differ",
    ):
        assert str(UsageError(message)) == message
    assert str(FormatError("a b.txt", 3, "not 'x'")) == "a b.txt:3: not 'x'"
    assert str(FormatError("a.txt", None, "not 'x'")) == "a.txt: not 'x'"


def test_the_path_of_a_file_is_whole() -> None:
    path = "/" + "folder/" * 200 + "a.txt"
    assert str(FormatError(path, 3, "bad")) == f"{path}:3: bad"


@given(st.text(), st.text())
def test_errors_are_the_same_on_the_other_side_of_a_pipe(path: str, text: str) -> None:
    for error in (FormatError(path, 3, text), UsageError(text), MissingExtraError(text, "x")):
        other = pickle.loads(pickle.dumps(error))
        assert (type(other), str(other)) == (type(error), str(error))


def test_control_characters_are_shown() -> None:
    assert printable("\x1b]0;title\x07\x9b2J\u202e\u2066\x7f\r\n") == (
        "\\u001b]0;title\\u0007\\u009b2J\\u202e\\u2066\\u007f\\u000d\\u000a"
    )
    assert printable("a\n\tb\r", lines=True) == "a\n\tb\\u000d"
    assert printable("שלום \u200f café \u200d 👩\u200d💻") == "שלום \u200f café \u200d 👩\u200d💻"


@given(st.text(max_size=50), st.integers(1, 60))
def test_shortened_texts_keep_both_ends(text: str, most: int) -> None:
    short = shortened(text, most)
    assert len(short) <= most
    head, mark, tail = short.partition("…")
    assert short == text or (mark and text.startswith(head) and text.endswith(tail))


def test_lists_of_names_are_bounded() -> None:
    assert first_few(["a", "b"]) == "'a', 'b'"
    assert first_few([*"abcdefg"]) == "'a', 'b', 'c', 'd', 'e', ..."
    assert len(first_few(["x" * 10**6] * 9)) < 330
    assert len(first_line("x" * 10**6)) <= 300
    assert bounded(bounded("x" * 10**6)) == bounded("x" * 10**6)


@given(st.sampled_from(CLASSES), st.text(st.characters(), max_size=50), st.integers(1, 500))
def test_any_message_is_bounded_and_harmless(kind: type[ClinometerError], text: str, times: int) -> None:
    for error in (kind(text * times + HARMFUL), FormatError("file", 3, text * times + HARMFUL)):
        message = str(error)
        assert harmless(message)
        assert len(message) <= 1010
        again = pickle.loads(pickle.dumps(error))
        assert type(again) is type(error)
        assert harmless(str(again))
        assert len(str(again)) <= 1010


def test_start_and_end_of_a_long_message_stay() -> None:
    message = str(UsageError(f"the label {'x' * 10_000} is unknown; expected one of de, en"))
    assert message.startswith("the label xxx")
    assert message.endswith("xxx is unknown; expected one of de, en")
    assert len(message) < 400
    assert len(str(FormatError("p", 7, "y" * 10_000))) < 310


@pytest.mark.parametrize("size", [5, 6, 7, 99, 100, 101, 10_000])
def test_shortened_text_has_the_length(size: int) -> None:
    assert len(shortened("é" * size, 100)) == min(size, 100)
    assert shortened("abc" + "é" * size + "xyz", 100)[:3] == "abc"
    assert shortened("abc" + "é" * size + "xyz", 100)[-3:] == "xyz"


def test_what_people_write_stays() -> None:
    text = "Größe 大きい الحجم हिन्दी 👩‍👩‍👧 a\u00a0b"
    assert printable(text) == text


def test_streams_of_a_command_show_and_do_not_obey(capsys: pytest.CaptureFixture[str]) -> None:
    with guarded():
        sys.stdout.write(f"a\tb\n{HARMFUL}")
        sys.stderr.write("\r 50 %\x1b[31m\n")
        assert not sys.stderr.isatty()
    shown = capsys.readouterr()
    assert shown.out.startswith("a\tb\n\\u001b]0;title")
    assert harmless(shown.out.replace("\n", "").replace("\t", ""))
    assert shown.err == "\r 50 %\\u001b[31m\n"


def test_a_path_that_harms_is_shown(tmp_path: Path) -> None:
    error = FormatError(tmp_path / "\x1b[2J", None, "broken")
    assert str(error) == f"{tmp_path}/\\u001b[2J: broken"
    assert error.path == f"{tmp_path}/\x1b[2J"
