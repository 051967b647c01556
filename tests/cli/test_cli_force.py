"""Results of another encoder or collection are replaced only with `--force`; the same ones as often as one likes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.command_line import Run, assert_complaint
from support.full_disk import tree

FIX = "choose another name, or replace them with --force"


def other_texts(folder: Path) -> None:
    path = folder / "corpus.jsonl"
    path.write_text(path.read_text(encoding="utf-8").replace('"0 en"', '"0 en, changed"'), encoding="utf-8")


@pytest.mark.parametrize("what", ["another encoder", "another collection"])
def test_other_results_are_not_replaced(run: Run, evaluate: Run, folder: Path, tmp_path: Path, what: str) -> None:
    out = tmp_path / "out"
    if what == "another collection":
        assert evaluate("-o", out).code == 0
        assert evaluate("-o", out, "--resamples", "0", "--scenarios", "multi").code == 0
        other_texts(folder)
    else:
        assert run("evaluate", f"beir:{folder}", "--encoder", "bm25", "-o", out).code == 0
    before = tree(out)
    assert_complaint(evaluate("-o", out), 2, f"results.json holds results of {what} (", FIX)
    assert tree(out) == before
    assert evaluate("-o", out, "--force").code == 0
    assert tree(out) != before
    assert evaluate("-o", out).code == 0


def test_other_languages_are_another_collection(run: Run, tmp_path: Path) -> None:
    command = ["evaluate", "demo", "--encoder", "bm25", "--resamples", "0", "--scenarios", "multi", "-o", tmp_path]
    assert run(*command, "--languages", "en,de").code == 0
    assert run(*command, "--languages", "en,de").code == 0
    done = run(*command, "--languages", "en,fr")
    assert_complaint(done, 2, "another collection (collection languages ['en', 'de'], now ['en', 'fr']")


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"encoder": 1, "collection": {}}', "\xff", "[" * 10**5])
def test_what_is_not_results_is_not_replaced(evaluate: Run, tmp_path: Path, content: str) -> None:
    (tmp_path / "results.json").write_text(content, encoding="latin-1")
    assert_complaint(evaluate("-o", tmp_path), 2, "results.json exists and does not hold such results", FIX)
    assert (tmp_path / "results.json").read_text(encoding="latin-1") == content


def test_comparisons(run: Run, evaluate: Run, folder: Path, tmp_path: Path) -> None:
    for name in "abc":
        assert evaluate("-o", tmp_path / name).code == 0
    results = json.loads((tmp_path / "c" / "results.json").read_text(encoding="utf-8"))
    results["encoder"]["name"] = "third <encoder>"
    (tmp_path / "c" / "results.json").write_text(json.dumps(results), encoding="utf-8")
    a, b, c = (tmp_path / name for name in "abc")
    for ending in ("json", "md", "html"):
        page = tmp_path / f"page.{ending}"
        command = ["compare", "--resamples", "10", "-o", page]
        assert run(*command, a, c).code == 0
        assert run(*command, a, c).code == 0
        before = page.read_bytes()
        assert_complaint(run(*command, a, b), 2, FIX)
        assert_complaint(run(*command, a, b, c), 2, FIX)
        assert page.read_bytes() == before
        assert run(*command, a, b, "--force").code == 0
        assert_complaint(run(*command, a, c), 2, FIX)


def test_geometry(run: Run, tmp_path: Path) -> None:
    out = tmp_path / "geometry.json"
    assert run("geometry", "demo", "--languages", "en,de", "-o", out).code == 0
    assert run("geometry", "demo", "--languages", "en,de", "--read", "normalized", "-o", out).code == 0
    assert_complaint(run("geometry", "demo", "--languages", "en,fr", "-o", out), 2, "another collection", FIX)
    assert run("geometry", "demo", "--languages", "en,fr", "-o", out, "--force").code == 0


def test_corrections(run: Run, folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "c.npz"
    arrays = ["--encoder", "precomputed", "--queries", folder / "queries.npy", "--documents", folder / "documents.npy"]
    mine = ["correct", f"beir:{folder}", *arrays, "-o", out]
    other = ["correct", "demo", "--languages", "en,de", "--sample", "20", "-o", out]
    assert run(*mine).code == 0
    assert run(*mine, "--seed", "1").code == 0
    before = out.read_bytes()
    assert_complaint(run(*other), 2, "another encoder and another collection (", "now 'offline'", "now 'demo'", FIX)
    assert out.read_bytes() == before
    assert run(*other, "--force").code == 0
    out.write_text("mine")
    assert_complaint(run(*other), 2, "c.npz exists and is not a correction", FIX)
    assert out.read_text() == "mine"


def test_stores_and_scans(run: Run, folder: Path, tmp_path: Path) -> None:
    store, out = tmp_path / "store", tmp_path / "ranks"
    encode = ["encode", f"beir:{folder}", "-o", store]
    scan = ["scan", store, "--relevant", folder / "qrels" / "test.tsv", "-o", out]
    assert run(*encode).code == 0
    assert run(*encode).code == 0
    assert run(*scan).code == 0
    assert run(*scan, "-k", "2").code == 0
    before = tree(store)
    other_texts(folder)
    assert_complaint(run(*encode), 1, "has changed since it was encoded", ", or start it anew with --force")
    assert_complaint(run(*encode, "--dtype", "float16"), 2, "has other settings", "or start it anew with --force")
    assert tree(store) == before
    (store / "documents" / "notes.txt").write_text("mine")
    done = run(*encode, "--dtype", "float16", "--force")
    assert_complaint(done, 1, "documents: this folder holds 'notes.txt'; choose a new or empty folder")
    (store / "documents" / "notes.txt").unlink()
    assert tree(store) == before
    assert run(*encode, "--dtype", "float16", "--force").code == 0
    assert_complaint(run(*scan), 2, "scan.json is of a scan of other stores (", FIX)
    assert run(*scan, "--force").code == 0


def test_a_store_that_something_else_spoils_is_not_started_anew(run: Run, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "store" / "documents").mkdir(parents=True)
    (tmp_path / "store" / "documents" / "notes.txt").write_text("mine")
    done = run("encode", f"beir:{folder}", "-o", tmp_path / "store", "--force")
    assert_complaint(done, 1, "holds 'notes.txt'; choose a new or empty folder")
