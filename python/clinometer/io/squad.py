"""SQuAD 1.1 files in several languages, with what each reader needs of a paragraph."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Generic, TypeVar

import msgspec

from clinometer.errors import CollectionError

__all__ = ["Positions", "SquadFile", "paragraphs"]

P = TypeVar("P")


class _Article(msgspec.Struct, Generic[P]):
    paragraphs: list[P]
    title: str = ""


class SquadFile(msgspec.Struct, Generic[P]):
    """A file, whose paragraphs are of a type of the reader."""

    data: list[_Article[P]]


def paragraphs(file: SquadFile[P]) -> Iterator[tuple[str, str, str, P]]:
    """Position (article and paragraph number from 0), location for errors, article title, and each paragraph."""
    for article_number, article in enumerate(file.data):
        for paragraph_number, paragraph in enumerate(article.paragraphs):
            where = f"data[{article_number}].paragraphs[{paragraph_number}]"
            yield f"{article_number}-{paragraph_number}", where, article.title, paragraph


class Positions:
    """The paragraph of each question, which must be the same in all languages.

    Example:
        >>> positions = Positions()
        >>> positions.check("q1", "0-0", "en")
        >>> positions.check("q1", "0-1", "de")
        Traceback (most recent call last):
        clinometer.errors.CollectionError: question 'q1' is at 0-0 in en but at 0-1 in de (article-paragraph), so ...
    """

    def __init__(self) -> None:
        self._first: dict[str, tuple[str, str]] = {}

    def check(self, question: str, position: str, label: str) -> None:
        """Refuse a question that is at another position in another language.

        Raises:
            CollectionError: It is.
        """
        earlier, earlier_label = self._first.setdefault(question, (position, label))
        if earlier != position:
            raise CollectionError(
                f"question {question!r} is at {earlier} in {earlier_label} but at {position} in {label} "
                "(article-paragraph), so the files do not belong together; take all of them from one release"
            )
