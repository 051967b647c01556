"""Belebele: one JSONL file for each language, named by its FLORES code, such as `eng_Latn.jsonl.gz`.

Rows are parallel by (`link`, `question_number`) and passages by link and the questions they carry; texts are compared
within one language only, never across.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import urlsplit

from clinometer.collection import Collection, CollectionBuilder
from clinometer.collection.groups import connected
from clinometer.errors import CollectionError, FormatError, shown
from clinometer.files.packed import SUFFIXES_SHOWN
from clinometer.io.retrieval import DistinctDocuments, judge_translations
from clinometer.io.rows import jsonl_rows
from clinometer.io.textfiles import language_files

__all__ = ["read_belebele"]

_Key = tuple[str, int]


def read_belebele(folder: str | Path, *, languages: Iterable[str] | None = None) -> Collection:
    """Belebele as retrieval: questions are queries, and every translation of the right passage is relevant (grade 1).

    A page (`link`) may have several passages: questions of one page belong to one passage if their passages have the
    same text in a language.

    Args:
        folder: Folder with files such as `eng_Latn.jsonl`, plain or packed (`.gz`, `.zst`); other files are ignored.
        languages: Labels of the languages to read, None for all.

    Returns:
        A collection named `belebele`. Document ids look like `en:LINK#p1` and query ids like `en:LINK#q1`; the part
        after the language is the parallel group. Queries have the field `site`, the host of their link.

    Raises:
        FileNotFoundError: The folder does not exist, or has no such file.
        LanguageError: A language has no file.
        FormatError: A line is broken, lacks a field, or repeats a question with another text.
        CollectionError: The languages contradict each other in how the questions of a page share passages.
    """
    files = language_files(
        folder, r"([a-z]{3}_[A-Z][a-z]{3})\.jsonl", f"eng_Latn.jsonl, also as {SUFFIXES_SHOWN}", languages
    )
    builder = CollectionBuilder("belebele", leave_out=True)
    rows: dict[str, dict[_Key, tuple[str, str]]] = {}
    repeats: dict[str, int] = {}
    for label, path in files.items():
        rows[label], repeated = _read_rows(path)
        repeats |= {label: repeated} if repeated else {}
        for (link, number), (_, question) in rows[label].items():
            group = f"{link}#q{number}"
            site = _host(link, path)
            fields = {"site": site} if site else {}
            builder.add_query(f"{label}:{group}", question, label, group, str(path), fields)
    groups = _passage_groups(rows)
    documents = DistinctDocuments(builder)
    passage_ids: dict[str, dict[str, str]] = {}
    for label, texts in rows.items():
        added: dict[str, tuple[str, str, _Key]] = {}
        for key, (passage, _) in texts.items():
            group = groups[key]
            if group not in added:
                document_id = documents.add(f"{label}:{group}", passage, label, group, str(files[label]))
                added[group] = (document_id, passage, key)
            document_id, first_passage, first_key = added[group]
            if first_passage != passage:
                raise CollectionError(
                    f"{files[label]}: questions {first_key[1]} and {key[1]} of {key[0]} have two passages, "
                    "but in another language they have one; take all files from one release"
                )
            passage_ids.setdefault(f"{key[0]}#q{key[1]}", {})[label] = document_id
    judge_translations(builder, passage_ids)
    builder.notes = {
        "duplicates_removed": documents.repeats,
        "questions_not_in_all_languages": sum(len(passages) < len(files) for passages in passage_ids.values()),
        **({"rows_repeated_left_out": repeats} if repeats else {}),
    }
    return builder.build()


def _read_rows(path: Path) -> tuple[dict[_Key, tuple[str, str]], int]:
    """Passage and question of each row, by key, and the number of rows that repeat one."""
    texts: dict[_Key, tuple[str, str]] = {}
    repeated = 0
    for row in jsonl_rows(path):
        key = (row.field("link", str), row.field("question_number", int))
        entry = (row.field("flores_passage", str), row.field("question", str))
        if texts.setdefault(key, entry) != entry:
            raise row.error(f"question {key[1]} of {key[0]} is repeated with another text; remove one of the rows")
        repeated += texts[key] is not entry
    return texts, repeated


def _host(link: str, path: Path) -> str | None:
    try:
        return urlsplit(link).hostname
    except ValueError as error:
        raise FormatError(path, None, f"the link {shown(link)} is not a URL ({error})") from error


def _passage_groups(rows: dict[str, dict[_Key, tuple[str, str]]]) -> dict[_Key, str]:
    """The parallel group of each question's passage: `link#pN`, N from 1 in the order of the questions' numbers."""
    same_passage: list[list[_Key]] = []
    for texts in rows.values():
        keys_of: dict[tuple[str, str], list[_Key]] = {}
        for key, (passage, _) in texts.items():
            keys_of.setdefault((key[0], passage), []).append(key)
        same_passage += keys_of.values()
    passages = Counter[str]()
    groups: dict[_Key, str] = {}
    for keys in connected(same_passage):
        link, _ = keys[0]
        passages[link] += 1
        groups |= dict.fromkeys(keys, f"{link}#p{passages[link]}")
    return groups
