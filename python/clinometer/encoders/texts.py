"""What every encoder requires of its input: a sequence of strings that can be encoded as UTF-8.

Nothing is repaired here: the first text that cannot be encoded is an error.
"""

from __future__ import annotations

from collections.abc import Sequence

from clinometer.errors import EncoderError, UsageError

__all__ = ["check_texts"]


def check_texts(texts: Sequence[str], stage: str) -> None:
    """Refuse anything but a list of texts that can be encoded. An empty text is allowed.

    Args:
        texts: The caller's texts.
        stage: `queries` or `documents`, for the message.

    Raises:
        UsageError: `texts` is one string, or an item is not a string.
        EncoderError: A text has a lone surrogate, which no tokenizer can read.

    Example:
        >>> check_texts(["a", ""], "queries")
        >>> check_texts("a", "queries")
        Traceback (most recent call last):
        clinometer.errors.UsageError: queries must be a list of texts, not one text; put it in a list
    """
    if isinstance(texts, str):
        raise UsageError(f"{stage} must be a list of texts, not one text; put it in a list")
    for row, text in enumerate(texts):
        if not isinstance(text, str):
            raise UsageError(f"{stage}, row {row}: a text must be a string, not {type(text).__name__}")
        try:
            text.encode()
        except UnicodeEncodeError:
            raise EncoderError(
                f"{stage}, row {row}: the text has half of a surrogate pair, which is not a character; "
                "read the source as UTF-8 again or remove it"
            ) from None
