"""`clinometer compare`: what it prints, what it writes, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from support.command_line import Run, assert_complaint

import clinometer as cm
from clinometer.encoders import PrecomputedEncoder


def evaluated(folder: Path, target: Path, documents: Any, queries: Any) -> Path:
    """What `clinometer evaluate -o` writes, but for the reports."""
    rows = (np.array(values, dtype=np.float32) for values in (queries, documents))
    evaluation = cm.evaluate(f"beir:{folder}", PrecomputedEncoder(*rows), resamples=0)
    target.mkdir()
    evaluation.to_json(target / "results.json")
    evaluation.per_query_to(target / "per_query.jsonl.gz")
    return target


MOVED = [[1, 0, 0], [0, 1, 0], [1, 0.1, 0], [0, 1, 0.1]]


@pytest.fixture
def results(folder: Path, tmp_path: Path) -> tuple[Path, Path]:
    """Results before, and after the German answers have moved to the English ones."""
    first = np.load(folder / "documents.npy")
    return evaluated(folder, tmp_path / "before", first, first), evaluated(folder, tmp_path / "after", MOVED, MOVED)


def test_a_table_and_a_verdict(run: Run, results: tuple[Path, Path]) -> None:
    done = run("compare", *results, "--resamples", "50")
    assert done.code == 0, done.err
    # Both encoders are called `precomputed`, so the folders tell them apart.
    assert done.out.startswith("before: before\nafter: after\non tiny: 2 languages, 4 documents, 4 queries")
    assert "nDCG@1 in mono-same: no language falls by more than 0.005 (0.5 points of 100)." in " ".join(
        done.out.split()
    )
    assert done.out.count("---\n") == 1
    assert "rows are shown; --verbose shows the whole verdict and the tests, --all every row." in " ".join(
        done.out.split()
    )
    assert done.out.splitlines()[-1] == "-o FILE.html writes the comparison as a page."
    done = run("compare", *results, "--resamples", "50", "--verbose")
    assert "multi: means over languages" in done.out
    assert "multi: Max@R norm ↑ (%), by language" in done.out
    assert "mono-same: nDCG@1 ↑, by language" in done.out
    assert "rows are shown; --all shows all of them" in done.out
    everything = run("compare", *results, "--resamples", "50", "--all").out
    assert "one-sided: Intrusion count (own) ↓ (documents), by language" in everything
    assert len(everything) > 2 * len(done.out)
    assert "rows are shown" not in everything


def test_json_is_all_of_standard_output(run: Run, results: tuple[Path, Path], tmp_path: Path) -> None:
    written = tmp_path / "deep" / "comparison.json"
    arguments = (
        "compare", *results, "--json", "--measures", "MaxR,LanguageGap(MaxRnorm)", "--scenarios", "multi", "--trained",
        "deu_Latn", "--correction", "bh", "--resamples", "40", "--confidence", "0.9", "--seed", "3", "--threads", "2",
        "--resample", "question",
    )  # fmt: skip
    done = run(*arguments, "-o", written)
    assert done.code == 0, done.err
    found = json.loads(done.out)
    assert written.read_text(encoding="utf-8") == done.out
    assert f"wrote {written}" in done.err
    rows = {(row["measure"], row["query_language"]): (row["before"], row["after"]) for row in found["rows"]}
    assert rows[("MaxR", "en")] == (2.5, 2.0)
    assert rows[("MaxR", "de")] == (2.0, 2.0)
    assert rows[("MaxR", "trained")] == rows[("MaxR", "de")]
    assert ("LanguageGap(MaxRnorm)", "de") in rows
    assert {row["scenario"] for row in found["rows"]} == {"multi"}
    wanted = {"correction": "bh", "resamples": 40, "confidence": 0.9, "seed": 3, "groups": {"trained": ["de"]}}
    wanted |= {"resample": "question"}
    assert {name: found["settings"][name] for name in wanted} == wanted
    assert run(*arguments).out == done.out


def test_languages_that_were_not_trained_are_unseen(run: Run, results: tuple[Path, Path]) -> None:
    found = json.loads(run("compare", *results, "--json", "--trained", "en", "--resamples", "5").out)
    assert found["settings"]["groups"] == {"trained": ["en"], "unseen": ["de"]}


def test_a_file_of_results_stands_for_its_folder(run: Run, results: tuple[Path, Path], tmp_path: Path) -> None:
    files = [folder / "results.json" for folder in results]
    page, twin = tmp_path / "c.html", tmp_path / "c.md"
    assert run("compare", *files, "--resamples", "5", "-o", page).code == 0
    assert run("compare", *files, "--resamples", "5", "-o", twin).code == 0
    assert "<html" in page.read_text(encoding="utf-8")
    assert twin.read_text(encoding="utf-8").startswith("# Before and after: before → after\n")


def test_a_loss_is_named(run: Run, folder: Path, results: tuple[Path, Path], tmp_path: Path) -> None:
    # German queries are swapped: each now finds the other German document first.
    swapped = evaluated(folder, tmp_path / "swapped", MOVED, [MOVED[number] for number in (0, 1, 3, 2)])
    done = run("compare", results[1], swapped, "--resamples", "50")
    assert done.code == 0
    assert "falls by more than 0.005 (0.5 points of 100) in 1 of 2 languages: German (−1.000, 95%" in " ".join(
        done.out.split()
    )


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["{before}"], 2, "only one result to compare; give one before and at least one after"),
        (["{before}", "{after}", "-o", "c.pdf"], 2, "c.pdf: a comparison is HTML, Markdown, JSON, JUnit or text"),
        (["{before}", "{after}", "--correction", "x"], 2, "unknown correction 'x'; expected one of holm, bh, none"),
        (["{before}", "{after}", "--trained", "fr"], 2, "the results have no language fr of group 'trained'"),
        (["{before}", "{after}", "--trained", ","], 2, "group 'trained' has no languages"),
        (
            ["{before}", "{after}/per_query.jsonl.gz"],
            2,
            "per_query.jsonl.gz is a file; give a folder from clinometer evaluate -o",
        ),
        (["{before}", "{after}x"], 1, "No such file or directory; check the path"),
    ],
)
def test_mistakes_are_one_sentence(
    run: Run, results: tuple[Path, Path], arguments: list[str], code: int, sentence: str
) -> None:
    done = run("compare", *(text.format(before=results[0], after=results[1]) for text in arguments))
    assert (done.code, done.out) == (code, "")
    assert sentence in done.err
    assert done.err.count("\n") == 1


def test_results_without_values_per_query(run: Run, results: tuple[Path, Path]) -> None:
    (results[1] / "per_query.jsonl.gz").unlink()
    done = run("compare", *results)
    assert done.code == 2
    assert "after has a results.json but no per_query.jsonl.gz" in done.err


def test_forms_for_continuous_integration(run: Run, results: tuple[Path, Path], tmp_path: Path) -> None:
    arguments = ("compare", *results, "--resamples", "50")
    plain = run(*arguments, "--format", "text")
    xml, text = tmp_path / "deep" / "changes.xml", tmp_path / "changes.txt"
    for path, form in ((xml, "junit"), (text, "text")):
        done = run(*arguments, "-o", path, "--format", form)
        assert done.code == 0, done.err
        assert path.read_text(encoding="utf-8") == done.out
        assert f"wrote {path}" in done.err
    assert text.read_text(encoding="utf-8") == plain.out
    assert run(*arguments).out != plain.out
    root = ElementTree.fromstring(xml.read_text(encoding="utf-8"))
    assert root.get("name") == "clinometer compare of before with after"
    assert int(str(root.get("tests"))) > 0
    comment = run(*arguments, "--format", "markdown").out
    assert comment.startswith("<!-- clinometer compare of before with after -->\n")
    assert len(comment) < len(run(*arguments, "-o", tmp_path / "c.md", "--all", "--json").out)
    assert_complaint(run(*arguments, "--format", "html"), 2, "unknown form 'html' of --format")
    # Results of others are not replaced.
    other = run("compare", results[1], results[0], "--resamples", "50", "-o", xml)
    assert_complaint(other, 2, "exists and is of other results")
