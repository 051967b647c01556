"""`clinometer leaderboard`: the page, its numbers, and what it refuses."""

from __future__ import annotations

import json
import re
import shutil
from itertools import permutations
from pathlib import Path
from typing import Any

from support.command_line import Run, assert_complaint
from support.html_page import HtmlPage
from support.studies import STUDY, write_study

from clinometer.evaluation.cells import digest_of


def changed(folder: Path, target: Path, **fields: Any) -> Path:
    """A copy of a study whose every cell has other fields, with checksums that fit."""
    shutil.copytree(folder / "results", target / "results")
    manifest = json.loads((folder / "study.json").read_text())
    for cell in manifest["cells"]:
        path = target / cell["path"] / "cell.json"
        record = json.loads(path.read_text()) | {name: value for name, value in fields.items() if name != "name"}
        path.write_text(json.dumps(record))
        cell |= {name: value for name, value in fields.items() if name in ("encoder", "collection", "remedy")}
        cell["cell_sha256"] = digest_of(path.read_bytes())
    manifest |= {name: value for name, value in fields.items() if name == "name"}
    (target / "study.json").write_text(json.dumps(manifest))
    return target


def test_the_page_holds_values_intervals_remedies_and_provenance(run: Run, cells: Path, tmp_path: Path) -> None:
    done = run("leaderboard", cells, "-o", tmp_path / "site")
    assert (done.code, done.out) == (0, ""), done.err
    assert sorted(path.name for path in (tmp_path / "site").iterdir()) == ["index.html", "leaderboard.json"]
    page = HtmlPage((tmp_path / "site" / "index.html").read_text(encoding="utf-8"))
    values, changes, _ = page.tables
    labels = [row[:2] for row in values[1:]]
    assert sorted(labels) == [["bm25", "none"], ["straight", "center"], ["straight", "none"]]
    first = labels.index(["straight", "none"]) + 1
    assert labels[first] == ["straight", "center"], "remedies follow the encoder as it is"
    heads = [" ".join(head.split()) for head in values[0]]
    column = next(number for number, head in enumerate(heads) if head.startswith("nDCG@1 (multi)"))
    rows = json.loads((cells / "results" / "straight" / "four" / "none" / "results.json").read_text())["rows"]
    row = next(
        row for row in rows
        if (row["scenario"], row["measure"], row["query_language"]) == ("multi", "nDCG@1", "de")
    )  # fmt: skip
    assert values[first][column] == f"{row['value']:.3f} {row['ci_low']:.3f}, {row['ci_high']:.3f}"
    assert values[first + 1][heads.index("runs")].strip() == "2"
    assert [row[:2] for row in changes[1:]] == [["straight", "center"]]
    assert re.search(r"→ .*\[.*, .*\]", changes[1][2])
    words = " ".join(page.words)
    cell = json.loads((cells / "results" / "straight" / "four" / "center" / "seed-1" / "cell.json").read_text())
    for fact in (cell["commands"][0], cell["results_sha256"], cell["meaning"]["collection"], "made by hand", "tiny",
                 "A. Tester", cell["finished"], cell["machine"]["processor"], cell["versions"]["numpy"]):  # fmt: skip
        assert fact in words, fact


def test_the_page_needs_neither_network_nor_scripts(run: Run, cells: Path, tmp_path: Path) -> None:
    assert run("leaderboard", cells, "-o", tmp_path / "site").code == 0
    text = (tmp_path / "site" / "index.html").read_text(encoding="utf-8")
    page = HtmlPage(text)
    assert (page.wrong, page.open) == ([], [])
    assert [address for address in page.links if not address.startswith("#")] == []
    assert {address.removeprefix("#") for address in page.links} <= set(page.ids)
    assert len(page.ids) == len(set(page.ids))
    assert "url(" not in text
    assert "@import" not in text
    # The tables are all there before the script, which only sorts them.
    assert text.rindex("</table>") < text.index("<script>")


HOSTILE = "<script>alert('x')</script>&\"\u202e"


def test_everything_is_escaped(run: Run, cells: Path, tmp_path: Path) -> None:
    other = changed(
        cells, tmp_path / "other", name=HOSTILE, encoder=HOSTILE, notes={HOSTILE: HOSTILE}, commands=[HOSTILE],
        versions={HOSTILE: HOSTILE}, machine={"processor": HOSTILE},
    )  # fmt: skip
    assert run("leaderboard", other, "-o", tmp_path / "site").code == 0
    text = (tmp_path / "site" / "index.html").read_text(encoding="utf-8")
    assert text.count("<script>") == 1
    assert "\u202e" not in text
    assert "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&amp;&#34;\\u202e" in text
    assert HtmlPage(text).tags.count("script") == 1


def test_the_order_of_the_folders_does_not_change_the_page(run: Run, cells: Path, tmp_path: Path) -> None:
    """Also where a folder is given twice, another has equal labels, and another equal numbers."""
    places = [
        cells,
        changed(cells, tmp_path / "renamed", encoder="another", name="other"),
        changed(cells, tmp_path / "same", by="somebody"),
    ]
    content = json.loads((cells / "results" / "bm25" / "four" / "none" / "results.json").read_text())
    content["encoder"]["settings"]["k1"] = 0.5
    content["rows"][0]["value"] = 0.125
    (tmp_path / "bare").mkdir()
    (tmp_path / "bare" / "results.json").write_text(json.dumps(content))
    places.append(tmp_path / "bare")
    pages = set()
    for number, order in enumerate(permutations(places)):
        site = tmp_path / f"site-{number}"
        assert run("leaderboard", *order, "-o", site).code == 0
        pages.add((site / "index.html").read_bytes() + (site / "leaderboard.json").read_bytes())
    assert len(pages) == 1
    twice = run("leaderboard", *places, places[0], "-o", tmp_path / "twice")
    assert twice.code == 0
    page = HtmlPage((tmp_path / "twice" / "index.html").read_text(encoding="utf-8"))
    names = [row[0] for row in page.tables[0][1:]]
    # The label that most results have; different settings of BM25 are two encoders, which digests tell apart.
    assert names.count("straight") == 2
    assert "another" not in names
    assert len({name for name in names if name.startswith("bm25 (")}) == 2
    assert "12 results had the numbers of another one and counted once." in " ".join(page.words)


def test_a_result_without_a_study_is_taken(run: Run, evaluate: Run, cells: Path, tmp_path: Path) -> None:
    assert evaluate("-o", tmp_path / "own", "--measures", "Complete@10,nDCG@1").code == 0
    done = run("leaderboard", cells, tmp_path / "own")
    assert done.code == 0
    assert "precomputed" in done.out
    found = json.loads(run("leaderboard", tmp_path / "own", "--json").out)
    assert [board["collection"] for board in found] == ["tiny"]
    assert found[0]["tables"][0]["lines"][0]["encoder"] == "precomputed"


def test_folders_that_hold_something_else_are_refused(run: Run, cells: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    site.mkdir()
    (site / "notes.txt").write_text("")
    assert_complaint(run("leaderboard", cells, "-o", site), 1, "has no index.html but holds 'notes.txt'")
    (site / "notes.txt").unlink()
    (site / "index.html").write_text("<p>my home page</p>")
    assert_complaint(run("leaderboard", cells, "-o", site), 1, "this is not a page of clinometer leaderboard")
    (site / "index.html").unlink()
    assert run("leaderboard", cells, "-o", site).code == 0
    assert run("leaderboard", cells, "-o", site).code == 0, "its own page is replaced"
    assert_complaint(run("leaderboard", cells, "-o", site / "index.html"), 2, "is a file; give a folder")
    assert_complaint(run("leaderboard", site), 1, "has neither study.json nor results.json")
    assert run("leaderboard", tmp_path / "missing").code == 1


def test_results_of_other_versions_and_damaged_ones_are_refused(run: Run, cells: Path, tmp_path: Path) -> None:
    cell = cells / "results" / "straight" / "four" / "none"
    for name, field in (("study.json", cells / "study.json"), ("cell.json", cell / "cell.json")):
        raw = field.read_bytes()
        field.write_bytes(raw.replace(b'"schema": 1', b'"schema": 2'))
        if name == "study.json":
            assert_complaint(run("leaderboard", cells), 1, f"{field}: of schema 2, but this clinometer reads schema 1")
        else:
            assert_complaint(run("leaderboard", cells), 1, f"{field}: not the file whose checksum study.json has")
        field.write_bytes(raw)
    raw = (cell / "results.json").read_bytes()
    (cell / "results.json").write_bytes(raw.replace(b'"value": 0', b'"value": 1', 1))
    assert_complaint(run("leaderboard", cells), 1, f"{cell / 'results.json'}: not the file whose checksum cell.json")
    (cell / "cell.json").unlink()
    assert_complaint(run("leaderboard", cells), 1, f"{cell / 'cell.json'}: listed in study.json, but missing")
    content = json.loads(raw) | {"schema": 3}
    (cell / "results.json").write_text(json.dumps(content))
    assert_complaint(run("leaderboard", cell), 1, f"{cell / 'results.json'}: of schema 3")
    manifest = json.loads((cells / "study.json").read_text())
    manifest["cells"][0]["path"] = "../elsewhere"
    (cells / "study.json").write_text(json.dumps(manifest))
    assert_complaint(run("leaderboard", cells), 1, "study.json", "$.cells[0].path")


def test_a_study_without_a_finished_cell(run: Run, folder: Path, tmp_path: Path) -> None:
    text = STUDY.replace("source: beir:{folder}", "source: beir:nowhere")
    study = write_study(folder, tmp_path / "study.yaml", text)
    assert run("study", study, "-o", tmp_path / "out").code == 1
    assert_complaint(run("leaderboard", tmp_path / "out"), 2, "no cell of", "is finished")
