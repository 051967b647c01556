"""Messages: bounded, and free of what a terminal obeys, whatever is put into them."""

from __future__ import annotations

import pickle
import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from clinometer import errors
from clinometer.errors import ClinometerError, FormatError, MissingExtraError, UsageError, printable

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
    for error in (kind(text * times + HARMFUL), FormatError(text * times, 3, text * times + HARMFUL)):
        message = str(error)
        assert harmless(message)
        assert len(message) <= (1000 if not isinstance(error, FormatError) else 1004 + len(printable(text)) * times)
        again = pickle.loads(pickle.dumps(error))
        assert (type(again), str(again)) == (type(error), message)


def test_start_and_end_of_a_long_message_stay() -> None:
    message = str(UsageError(f"the label {'x' * 10_000} is unknown; expected one of de, en"))
    assert message.startswith("the label xxx")
    assert message.endswith("xxx is unknown; expected one of de, en")
    assert len(message) < 400


def test_what_people_write_stays() -> None:
    text = "Größe 大きい الحجم हिन्दी 👩‍👩‍👧 a\u00a0b"
    assert printable(text) == text
