"""What is deleted before a training begins anew: trainings, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from clinometer.training.run import forget_training


def write(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("{}")
    return path


@pytest.mark.parametrize("name", ["training.json", "plan.json"])
def test_a_folder_with_a_training_is_deleted(tmp_path: Path, name: str) -> None:
    write(tmp_path / "out" / name)
    write(tmp_path / "out" / "checkpoints" / "checkpoint-1" / "trainer_state.json")
    forget_training(tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_of_a_folder_with_trainings_only_these_are_deleted(tmp_path: Path) -> None:
    write(tmp_path / "seed-1" / "training.json")
    write(tmp_path / "seed-2" / "plan.json")
    others = {write(tmp_path / "notes.txt"), write(tmp_path / "data" / "items.jsonl")}
    forget_training(tmp_path)
    assert {path for path in tmp_path.rglob("*") if path.is_file()} == others
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "notes.txt"]


def test_what_holds_no_training_stays(tmp_path: Path) -> None:
    file = write(tmp_path / "model" / "config.json")
    for path in (file, file.parent, tmp_path / "nowhere"):
        forget_training(path)
    assert file.exists()
