"""The documents or the queries of a collection that is being built, column by column."""

from __future__ import annotations

import hashlib
from array import array
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from clinometer.collection.base import Texts, hashed_rows
from clinometer.collection.columns import CodedColumn
from clinometer.collection.stored_texts import Span, Spans, SpooledTexts, TextSink

__all__ = ["Side"]

_HASHED = 512


class Side:
    """Texts in the order in which they are added; ids are unique.

    Args:
        hashing: Whether to hash ids, languages and texts on the way, while they are in memory.
    """

    def __init__(self, *, hashing: bool) -> None:
        self.row_of: dict[str, int] = {}
        """The row of each id, in the order of the rows."""
        self._repeating = False
        self.texts: TextSink = SpooledTexts()
        self.empty: dict[str, str] = {}
        """Language of each text that was left out because it is empty."""
        self.repeats: Counter[str] = Counter()
        """Number of exact repeats in each language, which were left out."""
        self._codes: dict[str, int] = {}
        self._group_codes: dict[str | None, int] = {}
        self._languages, self._groups = array("i"), array("i")
        self._sha = hashlib.sha256() if hashing else None
        self._unhashed: list[tuple[str, str, str]] = []

    def __len__(self) -> int:
        return len(self.row_of)

    def repeats_exactly(self, id: str, text: str, language: str, group: str | None) -> bool:
        """Whether an id that was added has this text, language and group."""
        row = self.row_of[id]
        codes = self._codes.get(language), self._group_codes.get(group)
        return codes == (self._languages[row], self._groups[row]) and self.texts[row] == text

    def add(self, id: str, text: str, language: str, group: str | None, span: Span | None) -> None:
        """Add a text with a new id."""
        self.row_of[id] = len(self.row_of)
        self.texts.extend((text,), None if span is None else Spans(*np.array(span, np.int64).reshape(2, 1)))
        self._languages.append(self._codes.setdefault(language, len(self._codes)))
        self._groups.append(self._group_codes.setdefault(group, len(self._group_codes)))
        if self._sha is not None:
            self._unhashed.append((id, language, text))
            if len(self._unhashed) >= _HASHED:
                self._hash()

    def extend(
        self,
        ids: Sequence[str],
        texts: Sequence[str],
        languages: Sequence[str],
        groups: Sequence[str | None],
        spans: Spans | None,
    ) -> bool:
        """Add texts, unless one of the ids is there already or given twice: then none is added."""
        if not self._number(ids):
            return False
        self.texts.extend(texts, spans)
        for column, code_of, values in (
            (self._languages, self._codes, languages),
            (self._groups, self._group_codes, groups),
        ):
            for value in dict.fromkeys(values):
                code_of.setdefault(value, len(code_of))  # type: ignore[arg-type]
            column.extend(map(code_of.__getitem__, values))  # type: ignore[arg-type]
        if self._sha is not None:
            self._hash()
            self._update(ids, languages, texts)
        return True

    def _number(self, ids: Sequence[str]) -> bool:
        """Give new ids the next rows; whether all are new."""
        count = len(self.row_of)
        if self._repeating:
            distinct_ids = set(ids)
            if len(distinct_ids) < len(ids) or not self.row_of.keys().isdisjoint(distinct_ids):
                return False
        if not self.empty.keys().isdisjoint(ids):
            return False
        self.row_of.update(zip(ids, range(count, count + len(ids)), strict=True))
        if len(self.row_of) == count + len(ids):
            return True
        # Undone this once; from now on ids are looked up first, which takes longer.
        self._repeating = True
        while len(self.row_of) > count:
            self.row_of.popitem()
        self.row_of = dict(zip(self.row_of, range(count), strict=True))
        return False

    def _hash(self) -> None:
        if self._unhashed:
            rows, self._unhashed = self._unhashed, []
            self._update(*zip(*rows, strict=True))

    def _update(self, *columns: Sequence[str]) -> None:
        try:
            for part in hashed_rows(*columns):
                self._sha.update(part)  # type: ignore[union-attr]
        except UnicodeEncodeError:
            # Half of a surrogate pair, for which an encoder and the digest have a sentence of their own.
            self._sha = None

    def columns(self, fields: dict[str, tuple[str | None, ...]]) -> Texts:
        """The texts so far."""
        languages = CodedColumn(np.array(self._languages, dtype=np.int32), tuple(self._codes))
        groups: CodedColumn[str | None] = CodedColumn(np.array(self._groups, dtype=np.int32), tuple(self._group_codes))
        texts = Texts(tuple(self.row_of), self.texts.column(), languages, groups, fields)
        if self._sha is not None:
            self._hash()
        if self._sha is not None:
            hashed: Any = self._sha.copy()
            texts.__dict__["hashed"] = hashed
        return texts
