"""XQuAD and XQuAD-R: `xquad.LL.json` or `LL.json`, also packed, a SQuAD 1.1 file for each language, all translations.

Questions are parallel by their id and passages by article and paragraph number; a question at another paragraph in
another language is refused, because then one of the two keys is wrong. Sentences, of which languages have different
numbers, are read by `clinometer.io.sentences`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

import msgspec

from clinometer.collection import Collection, CollectionBuilder
from clinometer.contents import decode_json, read_bytes
from clinometer.errors import UsageError
from clinometer.files.packed import SUFFIXES_SHOWN, bare_name
from clinometer.io.retrieval import DistinctDocuments, judge_translations
from clinometer.io.sentences import read_sentences
from clinometer.io.squad import Positions, SquadFile, paragraphs
from clinometer.io.textfiles import language_files, require_folder
from clinometer.languages import KNOWN

__all__ = ["read_xquad"]


_XQUAD = r"xquad\.(.+)\.json"
_XQUAD_R = rf"(?:xquad-r\.)?({'|'.join(sorted(KNOWN))}|zh[-_]\w+)\.json"


class _Question(msgspec.Struct):
    id: str
    question: str


class _Paragraph(msgspec.Struct):
    context: str
    qas: list[_Question]


def read_xquad(
    folder: str | Path,
    *,
    languages: Iterable[str] | None = None,
    unit: Literal["passage", "row", "sentence"] = "passage",
) -> Collection:
    """XQuAD as retrieval: questions are queries, and every translation of the right paragraph is relevant (grade 1).

    Args:
        folder: Folder with `xquad.LL.json`, or with `LL.json` or `xquad-r.LL.json` as XQuAD-R has, plain or packed
            (`.gz`, `.zst`); other files are ignored.
        languages: Labels of the languages to read, None for all.
        unit: `passage` keeps each distinct paragraph of a language once (240 in XQuAD; ids such as `en:0-3` count
            article and paragraph from 0). `row` keeps one document for each question (1,190 in XQuAD), duplicates
            included, and only the question's own rows are relevant; the ids are those of the questions. `sentence`, for
            XQuAD-R, keeps each distinct sentence of a language once, as LAReQA does (ids such as `en:0-3-2`); relevant
            are the sentences of all languages in which the answer begins.

    Returns:
        A collection named `xquad`. Query ids look like `en:56beb4343aeaaa14008c925b`; the queries have the field
        `article`, the title of their article in the first language read.

    Raises:
        FileNotFoundError: The folder does not exist, or has no such file.
        LanguageError: A language has no file.
        FormatError: A file is broken or not SQuAD 1.1.
        CollectionError: The files do not belong together, or an id has two texts.
        UsageError: The unit is unknown.
    """
    if unit not in ("passage", "row", "sentence"):
        raise UsageError(f"unit is {unit!r}, but it should be 'passage', 'row' or 'sentence'")
    folder = require_folder(folder)
    names = _XQUAD if any(re.fullmatch(_XQUAD, bare_name(path.name)) for path in folder.iterdir()) else _XQUAD_R
    files = language_files(
        folder, names, f"xquad.LL.json, also as {SUFFIXES_SHOWN}, or, as in XQuAD-R, LL.json", languages
    )
    if unit == "sentence":
        return read_sentences(files)
    builder = CollectionBuilder("xquad", leave_out=True)
    documents = DistinctDocuments(builder, keep_repeats=unit == "row")
    paragraph_of = Positions()
    titles: dict[str, str] = {}
    passage_ids: dict[str, dict[str, str]] = {}
    for label, path in files.items():
        squad = decode_json(
            read_bytes(path), SquadFile[_Paragraph], path, "an XQuAD file is SQuAD 1.1 JSON, with strings as ids"
        )
        for position, place, title, paragraph in paragraphs(squad):
            passage, where = "", f"{path}: {place}"
            # One name for the article in all languages: that of the first file.
            title = titles.setdefault(position, title)
            if unit == "passage":
                passage = documents.add(f"{label}:{position}", paragraph.context, label, position, where)
            for question in paragraph.qas:
                paragraph_of.check(question.id, position, label)
                query_id = f"{label}:{question.id}"
                fields = {"article": title} if title else {}
                builder.add_query(query_id, question.question, label, question.id, where, fields)
                if unit == "row":
                    passage = documents.add(query_id, paragraph.context, label, question.id, where)
                passage_ids.setdefault(question.id, {})[label] = passage
    judge_translations(builder, passage_ids)
    builder.notes = {
        "unit": unit,
        "duplicates_removed" if unit == "passage" else "duplicates_kept": documents.repeats,
        "questions_not_in_all_languages": sum(len(passages) < len(files) for passages in passage_ids.values()),
    }
    return builder.build()
