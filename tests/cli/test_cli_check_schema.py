"""`clinometer check --schema`: what is wrong with contributed files is said, and never a traceback."""

from __future__ import annotations

import json
import random
import shutil
from functools import reduce
from operator import or_
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

import msgspec
import pytest
from support.command_line import Run
from support.mutations import damaged

from clinometer.analysis.form import RESULTS_FORM
from clinometer.errors import ClinometerError
from clinometer.evaluation.cells import Cell, Study, read_cells
from clinometer.evaluation.contract import check_place


def test_the_results_of_a_study_are_read_in_its_order(cells: Path) -> None:
    entries = read_cells(cells)
    labels = [(entry.cell.encoder, entry.cell.remedy, entry.cell.seed) for entry in entries if entry.cell is not None]
    assert labels == [
        ("straight", "none", None), ("straight", "center", 0), ("straight", "center", 1), ("bm25", "none", None),
    ]  # fmt: skip
    assert {entry.study.by for entry in entries if entry.study is not None} == {"A. Tester"}
    assert [problems for _, problems in check_place(cells)] == [[], [], [], []]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"schema": None}, "has no schema"),
        ({"collection": {"name": "x", "languages": ["en", "de"]}}, "its collection has no documents, queries, digest"),
        ({"encoder": {"name": "x"}}, "its encoder has no kind, revision"),
        ({"settings": {"pivot": "en"}}, "its settings has no pairs"),
        ({"rows": []}, "has no rows"),
        ({"rows.0.measure": "nDCX@1"}, "row 0 has an unknown measure, 'nDCX@1'"),
        ({"rows.0.scenario": "mono"}, "row 0 has an unknown scenario, 'mono'"),
        ({"rows.0.query_language": "fr"}, "row 0 has the language 'fr', which the collection has not"),
        ({"rows.0.pool_languages": ["fr"]}, "row 0 has the language 'fr'"),
        ({"rows.0.ci_low": 2.0, "rows.0.ci_high": 1.0}, "row 0 has an interval that is not one"),
        ({"rows.0.ci_low": None}, "row 0 has an interval that is not one"),
        ({"rows.0.value": 101.0, "rows.0.measure": "Complete@10"}, "which lies between 0 and 100"),
        ({"rows.0": "rows.1"}, "row 1 is of the same scenario, languages and measure"),
    ],
)
def test_what_keeps_a_result_from_being_contributed(
    run: Run, cells: Path, tmp_path: Path, change: dict[str, Any], problem: str
) -> None:
    content = json.loads((cells / "results" / "bm25" / "four" / "none" / "results.json").read_text())
    for path, value in change.items():
        target: Any = content
        *parts, last = path.split(".")
        for part in parts:
            target = target[int(part) if part.isdigit() else part]
        if value == "rows.1":
            value = content["rows"][1]
        if value is None and last == "schema":
            del target[last]
        else:
            target[int(last) if last.isdigit() else last] = value
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "results.json").write_text(json.dumps(content))
    done = run("check", "--schema", tmp_path / "one")
    assert done.code == 1
    assert done.out.startswith(f"FAIL  {tmp_path / 'one' / 'results.json'}\n")
    assert problem in done.out
    found = json.loads(run("check", "--schema", tmp_path / "one" / "results.json", "--json").out)
    assert found["holds"] is False
    assert problem in " ".join(found["files"][0]["problems"])


@pytest.mark.parametrize(
    ("field", "value", "problem"),
    [
        ("key", "0" * 16, "has a key that is not of its meaning"),
        ("meaning", {"collection": "x"}, "is of another collection"),
        ("remedy", "center", "says the remedy center, but its encoder has another one"),
        ("results_sha256", "0" * 64, "not the file whose checksum cell.json has"),
        ("results_sha256", "x", "$.results_sha256"),
        ("schema", 7, "of schema 7"),
        ("encoder", "", "$.encoder"),
    ],
)
def test_a_record_that_does_not_belong_to_its_results(
    run: Run, cells: Path, tmp_path: Path, field: str, value: Any, problem: str
) -> None:
    shutil.copytree(cells / "results" / "bm25" / "four" / "none", tmp_path / "one")
    path = tmp_path / "one" / "cell.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {field: value}))
    done = run("check", "--schema", tmp_path / "one")
    assert done.code == 1
    assert problem in done.out


def test_conditions_and_the_schema_are_not_checked_together(run: Run, cells: Path) -> None:
    done = run("check", "--schema", cells, "--max", "MaxR=1")
    assert done.code == 2
    assert "leave out --largest" not in done.err
    assert "leave out --max" in done.err


def test_one_damaged_cell_does_not_hide_the_others(run: Run, cells: Path) -> None:
    path = cells / "results" / "straight" / "four" / "center" / "seed-0" / "results.json"
    path.write_bytes(path.read_bytes()[:-40])
    done = run("check", "--schema", cells)
    assert done.code == 1
    assert [line.split()[0] for line in done.out.splitlines() if not line.startswith(" ")] == ["ok", "FAIL", "ok", "ok"]


def _problem(place: Path) -> str:
    """The sentence with which the results at a place are refused; empty if they are not."""
    try:
        read_cells(place)
    except ClinometerError as error:
        return str(error)
    return ""


def test_damaged_files_end_in_a_sentence(cells: Path, tmp_path: Path) -> None:
    source = random.Random(15)
    cell = cells / "results" / "straight" / "four" / "center" / "seed-0"
    refused = 0
    for path in (cells / "study.json", cell / "cell.json", cell / "results.json"):
        raw = path.read_bytes()
        for _ in range(60):
            path.write_bytes(damaged(raw, source))
            for place in (cells, cell):
                problem = _problem(place)
                refused += bool(problem)
                assert "\n" not in problem
                for _, problems in check_place(place):
                    assert all("\n" not in problem for problem in problems)
        path.write_bytes(raw)
    assert refused > 150


def test_every_field_is_documented(run: Run, cells: Path, folder: Path, tmp_path: Path) -> None:
    """What commands write is in the types from which the reference page is made."""
    arrays = ["--queries", folder / "queries.npy", "--documents", folder / "documents.npy"]
    done = run("evaluate", f"beir:{folder}", "--encoder", "precomputed", *arrays, "--pool", "skew(en=0.5)",
               "-o", tmp_path / "own")  # fmt: skip
    assert done.code == 0, done.err
    files = [(tmp_path / "own" / "results.json", RESULTS_FORM), (cells / "study.json", Study)]
    for name in ("bm25/four/none", "straight/four/center/seed-0"):
        files += [(cells / "results" / name / "results.json", RESULTS_FORM)]
        files += [(cells / "results" / name / "cell.json", Cell)]
    for path, kind in files:
        # A type that forbids what it does not list.
        msgspec.convert(json.loads(path.read_text(encoding="utf-8")), strict_form(kind))


def strict_form(kind: Any) -> Any:
    """The type with all types inside it, in which unknown fields are errors."""
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        fields = [
            (field.name, strict_form(field.type), *([] if field.required else [None]))
            for field in msgspec.structs.fields(kind)
        ]
        return msgspec.defstruct(kind.__name__, fields, kw_only=True, forbid_unknown_fields=True)
    origin, parts = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return Annotated[(strict_form(parts[0]), *parts[1:])]
    if origin in (UnionType, Union):
        return reduce(or_, (strict_form(part) for part in parts))
    return origin[tuple(strict_form(part) for part in parts)] if origin is not None else kind
