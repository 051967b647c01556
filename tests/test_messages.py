"""Messages are one line of bounded length without control characters, whatever they quote."""

from __future__ import annotations

import pickle
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

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


@given(st.text() | st.text("\x1b[m'\"\\ a\n\r\x9b\u202e"))
def test_every_message_is_one_line_without_control_characters(text: str) -> None:
    for error in (
        UsageError(text),
        FormatError(text, 7, text),
        ClinometerError(repr(text)),
        MissingExtraError(text, "x"),
    ):
        assert not DRIVING.search(str(error))
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
