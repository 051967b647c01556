"""XQuAD-R with sentences as candidates, as in LAReQA: `sentences` and `sentence_breaks` in each paragraph.

The layout is that of google-research-datasets/lareqa. Languages have different numbers of sentences, so that these are
parallel only through the questions that they answer.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import msgspec

from clinometer.collection import Collection, CollectionBuilder
from clinometer.collection.groups import connected
from clinometer.contents import decode_json, read_bytes
from clinometer.errors import FormatError
from clinometer.io.retrieval import DistinctDocuments
from clinometer.io.squad import Positions, SquadFile, paragraphs

__all__ = ["read_sentences"]

_Key = tuple[str, int]
"""Language, and number of a sentence in it."""


class _Answer(msgspec.Struct):
    answer_start: int
    text: str = ""


class _Question(msgspec.Struct):
    id: str
    question: str
    answers: list[_Answer]


class _Paragraph(msgspec.Struct):
    context: str
    qas: list[_Question]
    sentences: list[str] = []
    sentence_breaks: list[tuple[int, int]] = []


class _Sentence(NamedTuple):
    id: str
    text: str
    where: str


class _Asked(NamedTuple):
    id: str
    text: str
    title: str
    where: str
    sentence: int | None


def read_sentences(files: Mapping[str, Path]) -> Collection:
    """XQuAD-R as retrieval of sentences; see `clinometer.io.xquad.read_xquad` with `unit="sentence"`.

    Sentences that answer the same questions, directly or through other sentences, are one parallel group if each has
    another language; otherwise, as where one language says in two sentences what another says in one, they have none.

    Args:
        files: File of each language.

    Raises:
        FormatError: A file is broken, is not XQuAD-R, or has other numbers of sentences and of their boundaries.
        CollectionError: The files do not belong together.
    """
    builder = CollectionBuilder("xquad", leave_out=True)
    counts: Counter[str] = Counter()
    sentences, asked = dict[str, list[_Sentence]](), dict[str, list[_Asked]]()
    positions, titles = Positions(), dict[str, str]()
    for label, path in files.items():
        sentences[label], asked[label] = [], []
        for position, where, title, paragraph in _paragraphs(path):
            first = len(sentences[label])
            sentences[label] += _split(paragraph, f"{label}:{position}", where, counts)
            for question in paragraph.qas:
                positions.check(question.id, position, label)
                number = _answering(question, paragraph, counts)
                one_title = titles.setdefault(position, title)
                row = None if number is None else first + number
                asked[label].append(_Asked(question.id, question.question, one_title, where, row))
    groups, unclear = _groups(sentences, asked)
    documents = DistinctDocuments(builder)
    answer_ids: dict[str, dict[str, str]] = {}
    for label in files:
        ids = [
            documents.add(sentence.id, sentence.text, label, groups.get((label, number)), sentence.where)
            for number, sentence in enumerate(sentences[label])
        ]
        for query in asked[label]:
            if query.sentence is not None:
                answer_ids.setdefault(query.id, {})[label] = ids[query.sentence]
    for label, queries in asked.items():
        for query in queries:
            if query.id not in answer_ids:
                counts["questions_without_answer_left_out"] += 1
                continue
            fields = {"article": query.title} if query.title else {}
            builder.add_query(f"{label}:{query.id}", query.text, label, query.id, query.where, fields)
            for document_id in answer_ids[query.id].values():
                builder.judge(f"{label}:{query.id}", document_id)
    builder.notes = {
        "unit": "sentence",
        "duplicates_removed": documents.repeats,
        "questions_not_in_all_languages": sum(len(answers) < len(files) for answers in answer_ids.values()),
        **dict(sorted(counts.items())),
        **({"parallel_texts_without_group": {"documents": unclear}} if unclear else {}),
    }
    return builder.build()


def _paragraphs(path: Path) -> Iterator[tuple[str, str, str, _Paragraph]]:
    """As `clinometer.io.squad.paragraphs`, with the file in the locations."""
    content = decode_json(
        read_bytes(path), SquadFile[_Paragraph], path, "an XQuAD-R file is SQuAD 1.1 JSON with sentences"
    )
    for position, where, title, paragraph in paragraphs(content):
        if not paragraph.sentences:
            raise FormatError(
                path,
                None,
                f"{where} has no sentences, which the unit 'sentence' needs; take the files of XQuAD-R, or the "
                "unit 'passage'",
            )
        if len(paragraph.sentences) != len(paragraph.sentence_breaks):
            raise FormatError(
                path,
                None,
                f"{where} has {len(paragraph.sentences)} sentences but {len(paragraph.sentence_breaks)} "
                "sentence_breaks; give the first and last position of each",
            )
        yield position, f"{path}: {where}", title, paragraph


def _split(paragraph: _Paragraph, name: str, where: str, counts: Counter[str]) -> Iterator[_Sentence]:
    """The sentences of a paragraph; those that are not what their boundaries say are counted."""
    pairs = zip(paragraph.sentences, paragraph.sentence_breaks, strict=True)
    for number, (sentence, (start, end)) in enumerate(pairs):
        if sentence.strip() != paragraph.context[max(start, 0) : max(end, 0)].strip():
            counts["sentences_unlike_their_boundaries"] += 1
        yield _Sentence(f"{name}-{number}", sentence, where)


def _answering(question: _Question, paragraph: _Paragraph, counts: Counter[str]) -> int | None:
    """Number of the sentence in which the first answer begins; None if there is none."""
    if not question.answers:
        return None
    answer = question.answers[0]
    for number, (start, end) in enumerate(paragraph.sentence_breaks):
        if start <= answer.answer_start < end:
            if answer.answer_start + len(answer.text) > end:
                counts["answers_across_sentences"] += 1
            return number
    counts["answers_outside_sentences"] += 1
    return None


def _groups(sentences: Mapping[str, list[_Sentence]], asked: Mapping[str, list[_Asked]]) -> tuple[dict[_Key, str], int]:
    """Group of each sentence that answers a question, and number of those among whom it is not clear."""
    answers: dict[str, list[_Key]] = {}
    for label, questions in asked.items():
        first_of_text: dict[str, int] = {}
        for number, sentence in enumerate(sentences[label]):
            first_of_text.setdefault(sentence.text, number)
        for question in questions:
            if question.sentence is not None:
                text = sentences[label][question.sentence].text
                answers.setdefault(question.id, []).append((label, first_of_text[text]))
    groups: dict[_Key, str] = {}
    unclear = 0
    for members in connected(answers.values()):
        languages = {label for label, _ in members}
        if len(languages) < len(members):
            unclear += len(members)
        elif len(languages) > 1:
            label, number = members[0]
            groups |= dict.fromkeys(members, sentences[label][number].id)
    return groups, unclear
