"""BEIR folders, read and written."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import clinometer as cm
from clinometer.collection import Collection, CollectionBuilder
from clinometer.errors import CollectionError, FormatError, LanguageError, UsageError
from clinometer.io.beir import read_beir, write_beir
from clinometer.io.trec import qrels_of

HEADER = "query-id\tcorpus-id\tscore"


def write(folder: Path, corpus: list[Any], queries: list[Any], qrels: list[str], split: str = "test") -> Path:
    (folder / "qrels").mkdir(exist_ok=True)
    for name, rows in (("corpus", corpus), ("queries", queries)):
        (folder / f"{name}.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    (folder / "qrels" / f"{split}.tsv").write_text("\n".join([HEADER, *qrels, ""]), encoding="utf-8")
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "tiny"
    root.mkdir()
    return write(
        root,
        [
            {"_id": "d1", "title": "Cats", "text": "sleep. ", "language": "eng_Latn", "group": "cat"},
            {"_id": "d2", "title": "", "text": "Katzen.", "metadata": {"language": "de", "parallel_id": "cat"}},
            {"_id": "d3", "text": "Dogs.", "lang": "en", "metadata": {}},
        ],
        [
            {"_id": "q1", "text": "Who sleeps?", "language": "en"},
            {"_id": "q2", "text": "Wer?", "lang": "de"},
            {"_id": "q3", "text": "Another split?", "language": "en"},
        ],
        ["q1\td1\t2", "q1\td2\t1", "q2\td2\t1", "q1\td3\t0"],
    )


def test_texts_languages_groups_and_grades(folder: Path) -> None:
    collection = read_beir(folder)
    assert collection.name == "tiny"
    assert collection.documents.texts == ("Cats sleep.", "Katzen.", "Dogs.")
    assert collection.documents.languages == ("en", "de", "en")
    assert collection.documents.groups == ("cat", "cat", None)
    assert collection.queries.ids == ("q1", "q2")
    assert collection.indptr.tolist() == [0, 3, 4]
    assert (collection.judged.tolist(), collection.grades.tolist()) == ([0, 1, 2, 1], [2, 1, 0, 1])
    assert collection.notes == {
        "split": "test",
        "languages_found_by": {"field": 5, "metadata": 1},
        "queries_without_judgement": 1,
        "labels_merged": {"en": "en 2 and eng_Latn 1"},
    }


def test_gzip_and_other_splits(folder: Path) -> None:
    expected = read_beir(folder).digest()
    for path in (folder / "corpus.jsonl", folder / "queries.jsonl", folder / "qrels" / "test.tsv"):
        path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()
    assert read_beir(folder).digest() == expected
    with pytest.raises(FileNotFoundError, match=r"neither qrels/dev\.tsv nor qrels/dev\.tsv\.gz"):
        read_beir(folder, split="dev")


def test_languages_are_chosen(folder: Path) -> None:
    german = read_beir(folder, languages=["deu"])
    assert (german.documents.ids, german.queries.ids) == (("d2",), ("q2",))
    assert german.digest() == read_beir(folder).restrict(["de"]).digest()
    assert german.notes["queries_without_judgement"] == 0
    with pytest.raises(LanguageError, match="tiny has no fr; it has en, de"):
        read_beir(folder, languages=["fr"])


def test_languages_from_options(tmp_path: Path) -> None:
    corpus = [
        {"_id": "zh-Hant:1", "text": "a"},
        {"_id": "de-1", "text": "b"},
        {"_id": "x1", "text": "c", "language": "fr"},
    ]
    write(tmp_path, corpus, [{"_id": "en:q", "text": "q"}], ["en:q\tde-1\t1"])
    collection = read_beir(tmp_path, language="id")
    assert collection.documents.languages == ("zh-Hant", "de", "fr")
    assert collection.notes["languages_found_by"] == {"id": 3, "field": 1}
    collection = read_beir(tmp_path, language="eng")
    assert collection.documents.languages == ("en", "en", "fr")
    assert collection.notes["languages_found_by"] == {"option": 3, "field": 1}
    with pytest.raises(FormatError, match=r"queries\.jsonl:1: 'en:q' has no language; add the field 'language'"):
        read_beir(tmp_path)
    with pytest.raises(LanguageError, match=r"'\?' is not a language label"):
        read_beir(tmp_path, language="?")


def test_an_id_without_a_label_is_named(tmp_path: Path) -> None:
    write(tmp_path, [{"_id": "MED-10", "text": "a"}, {"_id": "4983", "text": "b"}], [{"_id": "en:q", "text": "q"}], [])
    with pytest.raises(
        FormatError, match=r"corpus\.jsonl:2: '4983' has no language, and the id does not begin with one"
    ):
        read_beir(tmp_path, language="id")


def test_absent_texts_are_refused_or_counted(folder: Path) -> None:
    with (folder / "qrels" / "test.tsv").open("a") as file:
        file.write("q1\tgone\t1\nq2\tgone\t1\nnobody\td1\t1\n")
    with pytest.raises(CollectionError, match="tiny: the judgements name 1 missing queries, such as 'nobody'"):
        read_beir(folder)
    collection = read_beir(folder, allow_missing=True)
    assert collection.indptr.tolist() == [0, 3, 4]
    assert collection.notes["judged_queries_missing"] == collection.notes["judged_documents_missing"] == 1


@pytest.mark.parametrize(
    ("file", "line", "message"),
    [
        ("corpus.jsonl", "{", r"corpus\.jsonl:4: Input data was truncated"),
        ("corpus.jsonl", '{"_id": 4.5, "text": "x"}', r"corpus\.jsonl:4: the field '_id' is 4\.5, .* be a string"),
        ("corpus.jsonl", '{"_id": "d4", "language": "en"}', r"corpus\.jsonl:4: the field 'text' is missing"),
        (
            "corpus.jsonl",
            '{"_id": "d4", "text": "x", "language": "?"}',
            r"corpus\.jsonl:4: '\?' is not a language label",
        ),
        ("corpus.jsonl", '{"_id": "d4", "text": "x", "language": "en", "group": 3}', "'group' is 3, .* write \"3\""),
        ("queries.jsonl", '{"text": "x"}', r"queries\.jsonl:4: the field '_id' is missing"),
        ("qrels/test.tsv", "q1 d1 1", r"qrels/test\.tsv:6: 1 columns, but expected 3, separated by tabs"),
        ("qrels/test.tsv", "q1\td9\thigh", r"test\.tsv:6: the score is 'high', but it should be a whole number"),
        ("qrels/test.tsv", "q1\td9\t0.5", r"test\.tsv:6: the score is '0\.5', .* scale fractions to whole grades"),
        ("qrels/test.tsv", "q1\td9\t1_0", r"test\.tsv:6: the score is '1_0', but it should be a whole number"),
        ("qrels/test.tsv", "q1\td9\t1e99", r"test\.tsv:6: the score is '1e99', but it should be a whole number"),
        ("qrels/test.tsv", "q1\td9\tnan", r"test\.tsv:6: the score is 'nan', but it should be a whole number"),
        ("corpus.jsonl", "[" * 100_000, r"corpus\.jsonl:4: (nested too deeply|.*one)"),
        ("qrels/test.tsv", "q1\td1\t1", r"test\.tsv:6: document 'd1' is judged twice for query 'q1'"),
        ("qrels/test.tsv", "\udcff\td1\t1", r"test\.tsv:6: not UTF-8"),
    ],
)
def test_malformed_lines(folder: Path, file: str, line: str, message: str) -> None:
    with (folder / file).open("a", errors="surrogateescape") as appended:
        appended.write(f"{line}\n")
    with pytest.raises(FormatError, match=message):
        read_beir(folder)


@pytest.mark.parametrize(
    ("file", "line", "message"),
    [
        (
            "corpus.jsonl",
            '{"_id": "d1", "text": "x", "language": "en"}',
            r"corpus\.jsonl:4: duplicate document id 'd1'",
        ),
        ("corpus.jsonl", '{"_id": "d1", "text": "", "language": "en"}', r"corpus\.jsonl:4: duplicate document id 'd1'"),
        (
            "queries.jsonl",
            '{"_id": "q1", "text": "x", "language": "en"}',
            r"queries\.jsonl:4: duplicate query id 'q1'",
        ),
    ],
)
def test_rows_that_do_not_fit(folder: Path, file: str, line: str, message: str) -> None:
    with (folder / file).open("a") as appended:
        appended.write(f"{line}\n")
    with pytest.raises(CollectionError, match=message):
        read_beir(folder)


@pytest.mark.parametrize("line", ["q1\td1", "q1\td1\thigh", "query\tdocument\tgrade", "q1,d1,1", "\td1\t1"])
def test_a_table_without_its_columns_is_refused(folder: Path, line: str) -> None:
    (folder / "qrels" / "test.tsv").write_text(f"{line}\n")
    with pytest.raises(FormatError, match=r"test\.tsv:1: the first line should be query-id, corpus-id, score"):
        read_beir(folder)


@pytest.mark.parametrize(
    "table",
    [
        "q1\td1\t2\nq2\td2\t1\n",
        "q1\tQ0\td1\t2\nq2\tQ0\td2\t1\n",
        "# made by hand\nq1 0 d1 2\n# the second\nq2 0 d2 1\n",
        "query-id\tcorpus-id\tscore\nq1\td1\t2.0\nq2\td2\t1e0\n",
    ],
)
def test_the_columns_are_those_of_the_first_line(folder: Path, table: str) -> None:
    (folder / "qrels" / "test.tsv").write_text(table)
    collection = read_beir(folder)
    assert qrels_of(collection) == {"q1": {"d1": 2}, "q2": {"d2": 1}}


def test_numbers_as_ids_are_read_and_noted(tmp_path: Path) -> None:
    write(tmp_path, [{"_id": 7, "text": "a"}, {"_id": "8", "text": "b"}], [{"_id": 9, "text": "q"}], ["9\t7\t1"])
    collection = read_beir(tmp_path, language="en")
    assert (collection.documents.ids, collection.queries.ids) == (("7", "8"), ("9",))
    assert collection.notes["numbers_read_as_string_ids"] == ["corpus._id", "queries._id"]


def test_an_empty_id_is_refused(tmp_path: Path) -> None:
    write(tmp_path, [{"_id": "", "text": "a"}], [{"_id": "q", "text": "q"}], ["q\t\t1"])
    with pytest.raises(FormatError, match=r"corpus\.jsonl:1: the field '_id' is empty, but it should be an id"):
        read_beir(tmp_path, language="en")


@pytest.mark.parametrize("grade", ["2147483648", "1e308", "99999999999999999999"])
def test_a_grade_beyond_32_bits_is_not_called_a_fraction(tmp_path: Path, grade: str) -> None:
    write(tmp_path, [{"_id": "d", "text": "a"}], [{"_id": "q", "text": "q"}], [f"q\td\t{grade}"])
    with pytest.raises(FormatError, match=r"it should be a whole number of at most 2,147,483,647$"):
        read_beir(tmp_path, language="en")


def test_a_split_that_cannot_be_a_file_name_is_a_usage_error(tmp_path: Path) -> None:
    write(tmp_path, [{"_id": "d", "text": "a"}], [{"_id": "q", "text": "q"}], ["q\td\t1"])
    with pytest.raises(UsageError, match="cannot be a path"):
        read_beir(tmp_path, language="en", split="a" * 5000)


def test_empty_texts_and_exact_repeats_are_left_out_and_counted(tmp_path: Path) -> None:
    document = {"_id": "d1", "title": "", "text": "a", "language": "en"}
    empty = {"_id": "d2", "title": " ", "text": "", "language": "de"}
    queries = [{"_id": "q1", "text": "q", "language": "en"}, {"_id": "q2", "text": " ", "language": "en"}]
    write(tmp_path, [document, empty, document, empty], queries, ["q1\td1\t1", "q1\td2\t1", "q2\td1\t0"])
    collection = read_beir(tmp_path)
    assert (collection.documents.ids, collection.queries.ids) == (("d1",), ("q1",))
    assert qrels_of(collection) == {"q1": {"d1": 1}}
    assert {name: note for name, note in collection.notes.items() if name.endswith("left_out")} == {
        "documents_empty_left_out": {"de": 1},
        "documents_repeated_left_out": {"de": 1, "en": 1},
        "queries_empty_left_out": {"en": 1},
        "judgements_of_empty_texts_left_out": {"not relevant": 1, "relevant": 1},
    }


def parallel_rows(*groups: str | None) -> tuple[list[Any], list[Any], list[str]]:
    """Two texts and their questions in two languages, all translations judged."""
    fields = {} if not groups else {"group": groups[0]}
    corpus = [
        {"_id": f"{label}{n}", "text": f"text {label} {n}", "language": label, **fields}
        for n in (1, 2)
        for label in ("en", "de")
    ]
    queries = [{**row, "_id": f"q-{row['_id']}"} for row in corpus]
    qrels = [f"q-{a}{n}\t{b}{n}\t1" for n in (1, 2) for a in ("en", "de") for b in ("en", "de")]
    return corpus, queries, qrels


def test_groups_are_inferred_where_there_is_one_way(tmp_path: Path) -> None:
    corpus, queries, qrels = parallel_rows()
    collection = read_beir(write(tmp_path, corpus, queries, qrels))
    assert collection.documents.groups == ("judged:en1", "judged:en1", "judged:en2", "judged:en2")
    assert collection.queries.groups == ("judged:q-en1", "judged:q-en1", "judged:q-en2", "judged:q-en2")
    assert collection.notes["groups_inferred_from_judgements"] == {"documents": 2, "queries": 2}
    assert collection.describe()["complete_groups"] == 2
    assert collection.notices() == []


def test_a_group_that_is_not_clear_is_said_with_the_name_of_the_field(tmp_path: Path) -> None:
    corpus, queries, qrels = parallel_rows()
    queries.append({"_id": "q-more", "text": "Another one?", "language": "en"})
    collection = read_beir(write(tmp_path, corpus, queries, [*qrels, "q-more\ten1\t1", "q-more\tde1\t1"]))
    assert collection.notes["groups_inferred_from_judgements"] == {"documents": 2}
    assert collection.notes["parallel_texts_without_group"] == {"queries": 5}
    assert set(collection.queries.groups) == {None}
    (notice,) = collection.notices()
    assert notice.startswith("5 queries share relevant judgements across languages but have no group;")
    assert "the same value in the field 'group'" in notice


def test_answers_in_one_language_are_no_group_and_not_unclear(tmp_path: Path) -> None:
    corpus, queries, qrels = parallel_rows()
    for name in ("x1", "x2", "x3"):
        corpus.append({"_id": name, "text": name, "language": "de"})
    queries += [{"_id": "more", "text": "More?", "language": "de"}, {"_id": "one", "text": "One?", "language": "en"}]
    write(tmp_path, corpus, queries, [*qrels, "more\tx1\t1", "more\tx2\t1", "one\tx3\t1"])
    collection = read_beir(tmp_path)
    assert collection.notes["groups_inferred_from_judgements"] == {"documents": 2, "queries": 2}
    assert collection.documents.groups[4:] == (None, None, None)
    assert collection.queries.groups[4:] == (None, None)


def test_what_the_rows_say_of_groups_stands(tmp_path: Path) -> None:
    collection = read_beir(write(tmp_path, *parallel_rows(None)))
    assert set(collection.documents.groups) == {None}
    assert collection.notices() == []


def test_languages_that_do_not_meet_are_noticed(tmp_path: Path) -> None:
    corpus = [{"_id": "d1", "text": "a", "language": "zh"}, {"_id": "d2", "text": "b", "language": "en"}]
    queries = [{"_id": "q1", "text": "q", "language": "zh-Hant"}, {"_id": "q2", "text": "q", "language": "fr"}]
    write(tmp_path, corpus, queries, ["q1\td1\t1", "q2\td1\t1"])
    notices = read_beir(tmp_path).notices()
    assert notices == [
        "zh-Hant has 1 queries but no documents; near labels: zh; if they are one language, give it one label",
        "languages with queries but no documents: fr",
        "zh has 1 documents but no queries; near labels: zh-Hant; if they are one language, give it one label",
        "languages with documents but no queries: en",
    ]
    evaluation = cm.evaluate(f"beir:{tmp_path}", "bm25", scenarios=["multilingual"], measures=["nDCG@10"], pivot="zh")
    assert set(notices) <= set(evaluation.notices)


def tiny(document_id: str = "d 1") -> Collection:
    builder = CollectionBuilder("tiny")
    builder.add_document(document_id, "Ein “Satz”\nmit Umbruch\u2028.", "de", group="g")
    builder.add_document("d2", "Two.", "zh-Hant")
    builder.add_query("q1", " Was? ", "de", group="g?")
    builder.judge("q1", document_id, 3)
    builder.judge("q1", "d2", 0)
    return builder.build()


def test_what_is_written_reads_back_equal(tmp_path: Path) -> None:
    collection = tiny()
    write_beir(collection, tmp_path / "out")
    found = read_beir(tmp_path / "out")
    assert found.digest() == collection.digest()
    assert (found.documents, found.queries) == (collection.documents, collection.queries)
    np.testing.assert_array_equal(found.grades, collection.grades)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_folders_that_are_not_written(tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()
    with pytest.raises(UsageError, match="full already exists and is not empty"):
        write_beir(tiny(), tmp_path / "full")
    with pytest.raises(UsageError, match="file already exists"):
        write_beir(tiny(), tmp_path / "full" / "file")
    with pytest.raises(FileNotFoundError, match="nowhere does not exist; create it before writing out"):
        write_beir(tiny(), tmp_path / "nowhere" / "out")
    with pytest.raises(UsageError, match=r"the id 'd\\t1' has a tab or a line break"):
        write_beir(tiny("d\t1"), tmp_path / "out")
    (tmp_path / "empty").mkdir()
    write_beir(tiny(), tmp_path / "empty")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty", "full"]
    assert (tmp_path / "empty" / "corpus.jsonl").is_file()


def test_a_failed_write_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: Collection) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("clinometer.io.beir._qrels", fail)
    with pytest.raises(OSError, match="disk full"):
        write_beir(tiny(), tmp_path / "out")
    assert list(tmp_path.iterdir()) == []
