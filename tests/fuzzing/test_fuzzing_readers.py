"""Damaged files and texts for every reader, by a fixed seed; inputs that once were findings are kept in `cases`."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import pytest
from support.families import problem_of
from support.mutations import damaged
from support.reader_families import FAMILIES

CASES = Path(__file__).parent / "cases"
TRIES = 60
SLOW = {"results": 20, "per-query": 12, "trec": 25, "corrections": 30}
"""Tries of families that do more than read."""


@pytest.mark.parametrize("name", FAMILIES)
def test_good_files_are_read(name: str, tmp_path: Path) -> None:
    FAMILIES[name].write(tmp_path)
    if not FAMILIES[name].text:  # of texts, some are wrong on purpose
        assert not problem_of(FAMILIES[name], tmp_path, refused=False)


@pytest.mark.parametrize("name", FAMILIES)
def test_damage_is_an_error_of_ours(name: str, tmp_path: Path) -> None:
    family = FAMILIES[name]
    good = tmp_path / "good"
    good.mkdir()
    family.write(good)
    files = sorted(path.relative_to(good) for path in good.rglob("*") if path.is_file())
    random_source = random.Random(name)
    for number in range(SLOW.get(name, TRIES)):
        folder = tmp_path / str(number)
        shutil.copytree(good, folder)
        file = folder / random_source.choice(files)
        file.write_bytes(damaged(file.read_bytes(), random_source))
        assert not problem_of(family, folder), f"{name}, try {number}: {file.read_bytes()[:300]!r}"
        shutil.rmtree(folder)


# The answer of a server comes from no file.
@pytest.mark.parametrize("name", [name for name, family in FAMILIES.items() if not family.text and name != "answer"])
def test_a_folder_in_the_place_of_a_file_is_an_error_of_ours(name: str, tmp_path: Path) -> None:
    good = tmp_path / "good"
    good.mkdir()
    FAMILIES[name].write(good)
    for number, file in enumerate(path.relative_to(good) for path in sorted(good.rglob("*")) if path.is_file()):
        folder = tmp_path / str(number)
        shutil.copytree(good, folder)
        (folder / file).unlink()
        (folder / file).mkdir()
        assert not problem_of(FAMILIES[name], folder), file


@pytest.mark.parametrize("case", sorted(CASES.glob("*/*")), ids=lambda path: f"{path.parent.name}-{path.name}")
def test_what_was_found_once(case: Path, tmp_path: Path) -> None:
    folder = tmp_path / "case"
    shutil.copytree(case, folder)
    assert not problem_of(FAMILIES[case.parent.name], folder)
    assert problem_of(FAMILIES[case.parent.name], folder, refused=False), "it is read as if nothing was wrong"
