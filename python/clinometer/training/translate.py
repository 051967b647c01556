"""Query-passage pairs in one language, and their translation by any engine, cached on disk and resumable.

A translation that was paid for is never lost: each batch is on disk before the next request, and a process killed at
any instant leaves a cache with which the next one resumes.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from clinometer.errors import FormatError, MissingFileError, UsageError
from clinometer.files import append_whole, regular
from clinometer.io.rows import Row, jsonl_rows
from clinometer.io.textfiles import require_file, write_lines
from clinometer.languages import canonical
from clinometer.progress import progress
from clinometer.training.items import ParallelItem

__all__ = [
    "QueryPassage",
    "Translated",
    "TranslationCache",
    "Translator",
    "read_pairs",
    "read_translated",
    "translate_pairs",
]

Translator = Callable[[list[str], str], list[str]]


@dataclass(frozen=True)
class QueryPassage:
    """A query and a passage that answers it, in one language.

    Args:
        query_id: Id of the query.
        document_id: Id of the passage; the part before `#` names the article.
        query: Text of the query.
        passage: Text of the passage, title included.
    """

    query_id: str
    document_id: str
    query: str
    passage: str


class TranslationCache:
    """Translations on disk: append-only JSONL, one line for each.

    The key of a line is the sha256 of text, language and engine, so engines never share translations. A last line that
    was cut off by a kill is dropped and counted; any other broken line is an error. One process at a time.

    Args:
        path: The file; created if missing. Its folder must exist.

    Raises:
        FormatError: A line other than the last is broken.

    Example:
        >>> with TranslationCache("cache.jsonl") as cache:  # doctest: +SKIP
        ...     translate_pairs(pairs, "de", translator, engine="opus-mt-en-de", cache=cache)
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        if not self.path.parent.is_dir():
            raise MissingFileError(f"the folder {self.path.parent} does not exist; create it before translating")
        self.cut_lines = 0
        self._text_of_key: dict[str, str] = {}
        self._read()
        self._file = self.path.open("ab", buffering=0)

    def __enter__(self) -> TranslationCache:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __len__(self) -> int:
        return len(self._text_of_key)

    def close(self) -> None:
        """Close the file; stored translations are already on disk."""
        self._file.close()

    def get(self, text: str, language: str, engine: str) -> str | None:
        """The stored translation, or None."""
        return self._text_of_key.get(_key(text, language, engine))

    def put(self, pairs: Sequence[tuple[str, str]], language: str, engine: str) -> None:
        """Store (text, translation) pairs; they are on disk when this returns."""
        if self._file.closed:
            raise UsageError(f"the cache {self.path} is closed; open it again")
        lines = []
        for text, translation in pairs:
            key = _key(text, language, engine)
            self._text_of_key[key] = translation
            line = {"key": key, "language": language, "engine": engine, "text": translation}
            lines.append(json.dumps(line, ensure_ascii=False) + "\n")
        append_whole(self._file, "".join(lines).encode())

    def _read(self) -> None:
        if not self.path.exists():
            return
        raw = regular(self.path).read_bytes()
        lines = raw.split(b"\n")
        decoder = msgspec.json.Decoder(_Line)
        whole = 0
        for number, line in enumerate(lines, start=1):
            last = number >= len(lines) - (not lines[-1])
            if line:
                try:
                    entry = decoder.decode(line)
                except (msgspec.DecodeError, UnicodeDecodeError) as error:
                    if not last:
                        raise FormatError(
                            self.path, number, f"{error}; remove the line, and its text will be translated again"
                        ) from error
                    self.cut_lines += 1
                    break
                self._text_of_key[entry.key] = entry.text
            whole += len(line) + 1
        if whole < len(raw):
            os.truncate(self.path, whole)
        elif whole > len(raw):  # the last line is complete and only lacks its newline
            with self.path.open("ab") as file:
                file.write(b"\n")


@dataclass(frozen=True)
class Translated:
    """Pairs with their translation.

    Args:
        items: Pairs in the pivot and the target language, for `samples_from_items`.
        rows: The same as rows of the published form: `qid, docid, lang, query_en, passage_en, passage_tgt, mt_engine`.
        statistics: Numbers of pairs translated, taken from the cache, and left out because the translation was empty.
    """

    items: list[ParallelItem]
    rows: list[dict[str, str]]
    statistics: dict[str, Any] = field(default_factory=dict)

    def write(self, path: str | Path) -> None:
        """Write the rows as JSONL, packed by suffix; `read_translated` reads them."""
        write_lines(path, [json.dumps(row, ensure_ascii=False) for row in self.rows])


class _Line(msgspec.Struct):
    key: str
    language: str
    engine: str
    text: str


def read_pairs(path: str | Path) -> list[QueryPassage]:
    """Pairs from JSONL, in the order of the file.

    Two forms, which may be mixed: MIRACL's `{"query_id", "query", "positive_passages": [{"docid", "title", "text"}]}`,
    of which the first positive is used, and `{"query_id", "document_id", "query", "title", "text"}`. The passage is
    title, full stop, text, if there is a title (ours: the paper does not say).

    Raises:
        FileNotFoundError: The file does not exist.
        FormatError: A line is broken, lacks a field or has no positive passage.
    """
    pairs = []
    for row in jsonl_rows(require_file(path)):
        positive, name = row, "document_id"
        if (passages := row.optional("positive_passages", list)) is not None:
            if not passages or not isinstance(passages[0], dict):
                raise row.error("the field 'positive_passages' has no passage; remove this query")
            positive, name = Row(passages[0], row.path, row.line), "docid"
        title = (positive.optional("title", str) or "").strip()
        text = positive.field("text", str).strip()
        pairs.append(
            QueryPassage(
                row.field("query_id", str),
                positive.field(name, str),
                row.field("query", str),
                f"{title}. {text}" if title else text,
            )
        )
    return pairs


def translate_pairs(
    pairs: Sequence[QueryPassage],
    language: str,
    translator: Translator,
    *,
    engine: str,
    cache: TranslationCache,
    pivot: str = "en",
    queries: bool = False,
    batch_size: int = 16,
    show_progress_bar: bool = False,
) -> Translated:
    """The passages of the pairs in another language, each text translated once.

    Args:
        pairs: Pairs, such as those of `read_pairs`.
        language: Target language.
        translator: Function: `translator(texts, language)` returns one translation for each text, in order.
        engine: Name and version of the translator; part of the cache's key.
        cache: Cache in which translations are looked up and stored.
        pivot: Language of the pairs.
        queries: Translate the queries too.
        batch_size: Texts in one call of the translator; each call's result is stored before the next.
        show_progress_bar: Draw a bar on standard error.

    Raises:
        UsageError: The translator returns a wrong number of texts, or values that are not text. Earlier translations
            stay in the cache.

    Returns:
        Items and rows of the pairs that could be translated, in order. An empty translation is never stored; its pair
        is left out and counted.
    """
    language, pivot = canonical(language), canonical(pivot)
    if language == pivot:
        raise UsageError(f"the pairs already are in {pivot}; choose another target language")
    if batch_size < 1:
        raise UsageError(f"batch_size is {batch_size}, but must be 1 or more")
    texts = [text for pair in pairs for text in ((pair.query, pair.passage) if queries else (pair.passage,))]
    distinct_texts = list(dict.fromkeys(text for text in texts if text.strip()))
    missing_texts = [text for text in distinct_texts if cache.get(text, language, engine) is None]
    empty_count = 0
    with progress(len(missing_texts), f"translate to {language}", "texts", shown=show_progress_bar) as bar:
        for start in range(0, len(missing_texts), batch_size):
            batch = missing_texts[start : start + batch_size]
            translations = _called(translator, batch, language, start)
            translated = [pair for pair in zip(batch, translations, strict=True) if pair[1].strip()]
            empty_count += len(batch) - len(translated)
            if translated:
                cache.put(translated, language, engine)
            bar.update(len(batch))
    items, rows = [], []
    for pair in pairs:
        passage = cache.get(pair.passage, language, engine)
        query = cache.get(pair.query, language, engine) if queries else None
        if passage is None or (queries and query is None):
            continue
        item_id = f"{pair.document_id}{'' if '#' in pair.document_id else '#'}/{pair.query_id}"
        items.append(ParallelItem(item_id, {pivot: (pair.query, pair.passage), language: (query, passage)}))
        rows.append(
            {
                "qid": pair.query_id,
                "docid": pair.document_id,
                "lang": language,
                f"query_{pivot}": pair.query,
                f"passage_{pivot}": pair.passage,
                "passage_tgt": passage,
                **({"query_tgt": query} if query is not None else {}),
                "mt_engine": engine,
            }
        )
    statistics = {
        "language": language,
        "engine": engine,
        "pairs": len(pairs),
        "translated_now": len(missing_texts) - empty_count,
        "from_cache": len(distinct_texts) - len(missing_texts),
        "empty_translations": empty_count,
        "pairs_left_out": len(pairs) - len(items),
        "cache_lines_cut": cache.cut_lines,
    }
    return Translated(items, rows, statistics)


def read_translated(files: str | Path | Sequence[str | Path], *, pivot: str = "en") -> list[ParallelItem]:
    """Items from files that `Translated.write` wrote; the languages of one (qid, docid) become one item.

    Raises:
        FileNotFoundError: A file does not exist.
        FormatError: A line is broken, lacks a field, or repeats a language of a pair.
    """
    pivot = canonical(pivot)
    texts: dict[str, dict[str, tuple[str | None, str]]] = {}
    for path in [files] if isinstance(files, (str, Path)) else files:
        for row in jsonl_rows(require_file(path)):
            document, language = row.field("docid", str), row.language(row.field("lang", str))
            item_id = f"{document}{'' if '#' in document else '#'}/{row.field('qid', str)}"
            item = texts.setdefault(item_id, {})
            item.setdefault(pivot, (row.field(f"query_{pivot}", str), row.field(f"passage_{pivot}", str)))
            if language in item:
                raise row.error(f"{item_id!r} has {language} twice; remove one of the two")
            item[language] = (row.optional("query_tgt", str), row.field("passage_tgt", str))
    return [ParallelItem(item_id, item) for item_id, item in texts.items()]


def _called(translator: Translator, batch: list[str], language: str, start: int) -> list[str]:
    translations = translator(list(batch), language)
    call = f"the translator, called with texts {start} to {start + len(batch) - 1},"
    if isinstance(translations, str) or len(translations) != len(batch):
        count = "one text" if isinstance(translations, str) else len(translations)
        raise UsageError(f"{call} returned {count} for {len(batch)}")
    for number, text in enumerate(translations):
        if not isinstance(text, str):
            raise UsageError(f"{call} returned {type(text).__name__} for text {start + number}; it must return text")
    return list(translations)


def _key(text: str, language: str, engine: str) -> str:
    return hashlib.sha256(json.dumps([text, language, engine], ensure_ascii=False).encode()).hexdigest()
