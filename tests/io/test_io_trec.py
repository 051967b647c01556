"""TREC files: what is written reads back equal, and trec_eval agrees on the order."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import pytrec_eval
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clinometer.errors import FormatError, UsageError
from clinometer.io.trec import read_qrels, read_run, write_qrels, write_run

ids = st.text(st.characters(exclude_categories=["Cs", "Z"]), min_size=1, max_size=6).filter(
    lambda text: not any(letter.isspace() for letter in text)
)
# At the start of a line, these mark a comment or the order of bytes.
query_ids = ids.filter(lambda text: text[0] not in "#\ufeff")
float32 = st.floats(width=32, allow_nan=False).map(np.float32)
float64 = st.floats(allow_nan=False)
same_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)


@same_folder
@given(qrels=st.dictionaries(query_ids, st.dictionaries(ids, st.integers(-3, 9), min_size=1, max_size=4), max_size=4))
def test_qrels_read_back_equal(tmp_path: Path, qrels: dict[str, dict[str, int]]) -> None:
    for name in ("q.txt", "q.txt.gz"):
        write_qrels(tmp_path / name, qrels)
        found = read_qrels(tmp_path / name)
        assert found == qrels
        assert [list(grades) for grades in found.values()] == [list(grades) for grades in qrels.values()]


@same_folder
@given(
    run=st.dictionaries(
        query_ids,
        st.dictionaries(ids, float32, min_size=1, max_size=6) | st.dictionaries(ids, float64, min_size=1, max_size=6),
        max_size=3,
    )
)
def test_runs_read_back_with_the_same_scores_in_the_order_written(
    tmp_path: Path, run: dict[str, dict[str, float]]
) -> None:
    path = tmp_path / "run.txt"
    write_run(path, run, "tag")
    found = read_run(path)
    lines = [line.split(" ") for line in path.read_text(encoding="utf-8").split("\n")[:-1]]
    assert [(line[0], line[2]) for line in lines] == [(query, doc) for query in found for doc in found[query]]
    for query, scores in run.items():
        assert {doc: type(scores[doc])(value) for doc, value in found[query].items()} == scores
        order = sorted(scores, key=lambda doc: (scores[doc], doc), reverse=True)
        assert list(found[query]) == order
    assert [line[3] for line in lines] == [str(rank) for query in run for rank in range(1, len(run[query]) + 1)]


def test_a_run_by_hand(tmp_path: Path) -> None:
    write_run(tmp_path / "r", {"q": {"a": 1, "c": np.float32(0.1), "b": np.float32(0.1), "d": 0.25}}, "ours")
    assert (tmp_path / "r").read_text().splitlines() == [
        "q Q0 a 1 1.0 ours",
        "q Q0 d 2 0.25 ours",
        "q Q0 c 3 0.1 ours",
        "q Q0 b 4 0.1 ours",
    ]
    write_run(tmp_path / "r", {"q": {"b": 0.5, "c": 0.5, "a": 0.5}}, "ours", tie_break="index")
    assert [line.split()[2] for line in (tmp_path / "r").read_text().splitlines()] == ["b", "c", "a"]
    assert list(read_run(tmp_path / "r")["q"]) == ["c", "b", "a"]


def test_scores_of_two_types_that_are_written_alike_are_a_tie(tmp_path: Path) -> None:
    write_run(tmp_path / "r", {"q": {"a": np.float32(0.1), "b": 0.1}}, "t")
    assert list(read_run(tmp_path / "r")["q"]) == ["b", "a"]
    assert [line.split()[2] for line in (tmp_path / "r").read_text().splitlines()] == ["b", "a"]


def test_trec_eval_puts_ties_in_the_same_order(tmp_path: Path) -> None:
    names = ["d10", "d9", "ä", "Z", "z", "d1", "中"]
    write_run(tmp_path / "r", {"q": dict.fromkeys(names, 0.5)}, "t")
    run = read_run(tmp_path / "r")
    ranks = {doc: rank for rank, doc in enumerate(run["q"], start=1)}
    for doc in names:
        value = pytrec_eval.RelevanceEvaluator({"q": {doc: 1}}, {"recip_rank"}).evaluate(run)["q"]["recip_rank"]
        assert value == pytest.approx(1 / ranks[doc])


def test_readers_ignore_ranks_and_split_at_any_ascii_white_space(tmp_path: Path) -> None:
    path = tmp_path / "run.gz"
    path.write_bytes(gzip.compress("q  Q0\td\u00a01 1 0.5 t\r\n   \nq Q0 d2 2 7e-1 t\n".encode()))
    assert list(read_run(path)["q"].items()) == [("d2", 0.7), ("d\u00a01", 0.5)]


def test_comments_and_what_follows_the_tag_are_ignored(tmp_path: Path) -> None:
    (tmp_path / "qrels").write_text("# judged by hand\nq 0 d#1 1\n#\nq 0 #2 0\n")
    assert read_qrels(tmp_path / "qrels") == {"q": {"d#1": 1, "#2": 0}}
    (tmp_path / "run").write_text("# system x\nq Q0 #d 1 0.5 x\nq Q0 e 2 0.25 x and more # words\n")
    assert read_run(tmp_path / "run") == {"q": {"#d": 0.5, "e": 0.25}}


@pytest.mark.parametrize("write", [write_qrels, lambda path, table: write_run(path, table, "t")])
def test_a_query_that_would_not_read_back_is_not_written(
    tmp_path: Path, write: Callable[[Path, dict[str, dict[str, int]]], None]
) -> None:
    for name in ("#1", "\ufeff1"):
        with pytest.raises(UsageError, match=r"begins with '#', which marks a comment, or with a byte-order mark"):
            write(tmp_path / "f", {name: {"d": 1}})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("q 0 d 1\nq 0 d", r"f:2: 3 columns, but expected 4: query id, 0, document id, grade"),
        ("q 0 d 1.5", r"f:1: the grade is '1\.5', but it should be a whole number"),
        ("q 0 d 1\n\nq 0 d 2", r"f:3: document 'd' is repeated for query 'q'"),
        ("q 0 \udcff 1", r"f:1: not UTF-8"),
    ],
)
def test_malformed_qrels(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "f").write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(FormatError, match=message):
        read_qrels(tmp_path / "f")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("q Q0 d 1 0.5", r"f:1: 5 columns, but expected 6"),
        ("q Q0 d 1 high t", r"f:1: the score is 'high', but it should be a number"),
        ("q Q0 d 1 nan t", r"f:1: the score is 'nan'"),
        ("q Q0 d 1 0.5 t\nq Q0 d 2 0.4 t", r"f:2: document 'd' is repeated for query 'q'"),
    ],
)
def test_malformed_runs(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "f").write_text(text)
    with pytest.raises(FormatError, match=message):
        read_run(tmp_path / "f")


def test_broken_gzip_and_absent_files(tmp_path: Path) -> None:
    (tmp_path / "f.gz").write_bytes(b"x")
    with pytest.raises(FormatError, match=r"f\.gz:1: broken gzip"):
        read_run(tmp_path / "f.gz")
    with pytest.raises(FileNotFoundError, match="absent does not exist"):
        read_qrels(tmp_path / "absent")


def test_what_cannot_be_written_is_named_and_nothing_is_left_behind(tmp_path: Path) -> None:
    path = tmp_path / "f"
    with pytest.raises(UsageError, match="the document id 'a b' is empty or has white space"):
        write_run(path, {"q": {"a b": 1.0}}, "t")
    with pytest.raises(UsageError, match="the query id 'q\\\\u3000' is empty or has white space"):
        write_qrels(path, {"q\u3000": {"d": 1}})
    with pytest.raises(UsageError, match="the query id '' is empty"):
        write_run(path, {"": {"d": 1.0}}, "t")
    with pytest.raises(UsageError, match="the tag 'my run' is empty or has white space"):
        write_run(path, {}, "my run")
    with pytest.raises(UsageError, match="the document id 7 is int, but it should be a string"):
        write_qrels(path, {"q": {7: 1}})  # type: ignore[dict-item]
    with pytest.raises(UsageError, match=r"the grade of 'd' for 'q' is 0\.5"):
        write_qrels(path, {"q": {"d": 0.5}})  # type: ignore[dict-item]
    with pytest.raises(UsageError, match="the score of 'd' for 'q' is not a number"):
        write_run(path, {"q": {"d": float("nan")}}, "t")
    with pytest.raises(UsageError, match="tie_break is 'random'"):
        write_run(path, {}, "t", tie_break="random")  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []
