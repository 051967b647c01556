"""Judgements without texts, in each format."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from clinometer.errors import FormatError
from clinometer.io.judgements import read_judgements


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("q.tsv", "query-id\tcorpus-id\tscore\n7\t12#0\t1\n7\t#3\t0\n"),
        ("q.tsv", "\ufeff7\tQ0\t12#0\t1\n7\tQ0\t#3\t0\n"),
        ("q.tsv", "7\t12#0\t1.0\n7\t#3\t0\n"),
        ("q.tsv", "# pooled\n7 0 12#0 1\n# more\n7 0 #3 0\n"),
        ("q.txt", "# pooled\n7 0 12#0 1\n7 0 #3 0\n"),
        ("q.jsonl", '{"query_id": 7, "doc_id": "12#0"}\n{"query_id": 7, "document_id": "#3", "grade": 0}\n'),
        ("q.jsonl", '{"query_id": "7", "doc_id": "12#0"}\n{"query_id": "7", "document_id": "#3", "grade": 0}\n'),
    ],
)
def test_each_format_gives_the_same(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    (tmp_path / f"{name}.gz").write_bytes(gzip.compress(text.encode()))
    assert read_judgements(tmp_path / name) == {"7": {"12#0": 1, "#3": 0}}
    assert read_judgements(tmp_path / f"{name}.gz") == {"7": {"12#0": 1, "#3": 0}}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("7\tQ0\td\t1\n7\te\t1\n", r"q\.tsv:2: 3 columns, but expected 4"),
        ("7\tQ0\td\t1\n7\tQ0\td\t0\n", r"q\.tsv:2: document 'd' is judged twice for query '7'"),
        ("7\tQ0\td\t0.5\n", r"q\.tsv:1: the score is '0\.5', but it should be a whole number"),
        ("a,b,c\n", r"q\.tsv:1: the first line should be query-id, corpus-id, score, .* TREC's"),
    ],
)
def test_lines_that_do_not_fit_are_named(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "q.tsv").write_text(text)
    with pytest.raises(FormatError, match=message):
        read_judgements(tmp_path / "q.tsv")


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("a.txt", "q 0 d {}\n"),
        ("a.tsv", "query-id\tcorpus-id\tscore\nq\td\t{}\n"),
        ("a.jsonl", '{{"query_id": "q", "document_id": "d", "grade": {}}}\n'),
    ],
)
@pytest.mark.parametrize("grade", ["0.5", "1.9", "4294967296"])
def test_a_grade_is_never_cut(tmp_path: Path, name: str, lines: str, grade: str) -> None:
    (tmp_path / name).write_text(lines.format(grade))
    with pytest.raises(FormatError, match=f"{grade}.*, but it should be a whole number"):
        read_judgements(tmp_path / name)
