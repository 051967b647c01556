"""Messages: bounded, and free of what a terminal obeys, whatever is put into them."""

from __future__ import annotations

import pickle
import sys
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinometer import errors
from clinometer.cli.streams import guarded
from clinometer.errors import ClinometerError, FormatError, MissingExtraError, UsageError, printable, shortened

CLASSES = [
    kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, ClinometerError) and kind not in (FormatError, MissingExtraError)
]
HARMFUL = "\x1b]0;title\x07\x1b[2J\u202e\ud800\x9b31m\r\n\x00"


def harmless(text: str) -> bool:
    return not any(unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") for character in text)


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
