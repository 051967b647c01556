"""A kill at any instant leaves a sound store, and going on gives the bytes of a run that was never stopped."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from clinometer.collection import Texts
from clinometer.encoders import EncoderRecord
from clinometer.store import Dtype, EmbeddingStore, StoreWriter, find_store

Make = Callable[..., Any]


class Killed(BaseException):
    """What nothing in the package catches."""


def check_sound(folder: Path, texts: Texts) -> int:
    """The store holds whole shards of the first texts, or was not begun; returns how many rows."""
    if not (folder / "manifest.json").exists():
        return 0
    found = EmbeddingStore.open(folder, partial=True)
    found.verify()
    assert len(found) in (0, 4, 8, 10)
    assert found.ids == texts.ids[: len(found)]
    return len(found)


@pytest.mark.parametrize("dtype", ["float32", "float16", "int16"])
def test_the_state_at_every_instant(
    tmp_path: Path, texts: Texts, encode: Make, contents: Make, monkeypatch: pytest.MonkeyPatch, dtype: str
) -> None:
    whole, rename = tmp_path / "whole", os.replace
    states: list[Path] = []

    def seen(source: Any, target: Any, **options: Any) -> None:
        # Before the rename, with all, half and nothing of the new file, and after it.
        for size in (None, 2, 1 << 30):
            states.append(tmp_path / f"state{len(states)}")
            shutil.copytree(whole, states[-1])
            if size is not None:
                part = states[-1] / Path(source).name
                part.write_bytes(part.read_bytes()[: part.stat().st_size // size])
        rename(source, target, **options)
        states.append(tmp_path / f"state{len(states)}")
        shutil.copytree(whole, states[-1])

    monkeypatch.setattr(os, "replace", seen)
    encode(whole, texts, dtype=dtype)
    monkeypatch.undo()
    # The manifest at the beginning and with the plan, and three files for each of three shards.
    assert len(states) == 4 * (2 + 3 * 3)
    wanted, rows = contents(whole), []
    for state in states:
        rows.append(check_sound(state, texts))
        encoder = encode(state, texts, dtype=dtype)
        # What was finished is not encoded again.
        assert sum(map(len, encoder.calls)) == max(8 - rows[-1], 0)
        assert contents(state) == wanted
    assert rows == sorted(rows)
    assert set(rows) == {0, 4, 8, 10}


@pytest.mark.parametrize("call", ["replace", "fsync"])
def test_an_exception_at_every_step(
    tmp_path: Path, texts: Texts, encode: Make, contents: Make, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    encode(tmp_path / "whole", texts)
    wanted, ended = contents(tmp_path / "whole"), 0
    for at in range(100):
        left, done = at, getattr(os, call)

        def failing(*arguments: Any, done: Any = done, **options: Any) -> Any:
            nonlocal left
            left -= 1
            if left < 0:
                raise Killed
            return done(*arguments, **options)

        folder = tmp_path / f"s{at}"
        with monkeypatch.context() as patched:
            patched.setattr(os, call, failing)
            try:
                encode(folder, texts)
                ended += 1
            except Killed:
                pass
        check_sound(folder, texts)
        encode(folder, texts)
        assert contents(folder) == wanted
        if ended:
            break
    assert at >= 11
    assert ended == 1


def test_a_writer_goes_on_after_a_failed_append(tmp_path: Path, tiny: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with StoreWriter(tmp_path, tiny().record, "documents") as writer:
        writer.append(np.ones((1, 4)), ["a"], ["en"])
        with monkeypatch.context() as patched:
            patched.setattr(os, "fsync", full)
            with pytest.raises(OSError, match="No space left"):
                writer.append(np.ones((1, 4)), ["b"], ["en"])
        assert not [*tmp_path.glob("*.partial")]
        writer.append(np.ones((1, 4)), ["b"], ["de"])
    found = EmbeddingStore.open(tmp_path)
    found.verify()
    assert (found.ids, found.languages) == (("a", "b"), ("en", "de"))


@pytest.mark.skipif(sys.platform == "win32", reason="there is no such limit there")
@pytest.mark.parametrize("dtype", ["float32", "float16", "int16"])
def test_a_disk_that_takes_half_a_file(tmp_path: Path, dtype: Dtype) -> None:
    import resource

    rows = np.random.default_rng(0).normal(size=(2000, 64))
    ids, labels = [f"d{row}" for row in range(2000)], ["en"] * 2000
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with StoreWriter(tmp_path, EncoderRecord(name="m", kind="http"), "documents", dtype) as writer:
        writer.append(rows[:1], ids[:1], ["en"])
        # Ids of 2,000 rows are more than the limit, of 500 rows less, and their embeddings more.
        for stop, file in ((2000, "00001.jsonl"), (500, "00001.npy")):
            part = slice(1, stop)
            resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, hard))
            try:
                with pytest.raises(OSError, match=f"File too large: '{tmp_path / file}'"):
                    writer.append(rows[part], ids[part], labels[part])
            finally:
                resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
            found = EmbeddingStore.open(tmp_path)
            found.verify()
            assert len(found) == len(writer) == 1
            assert not [*tmp_path.glob("*.partial"), *tmp_path.glob("00001.npy")]
        writer.append(rows[1:], ids[1:], labels[1:])
    found = EmbeddingStore.open(tmp_path)
    found.verify()
    assert found.ids == tuple(ids)


def test_order_of_what_reaches_the_disk(
    tmp_path: Path, texts: Texts, encode: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    events, rename, sync = [], os.replace, os.fsync

    def renamed(source: Any, target: Any, **options: Any) -> None:
        events.append(Path(target).name)
        rename(source, target, **options)

    def synced(file: int) -> None:
        events.append("folder" if os.path.isdir(f"/proc/self/fd/{file}") else "file")  # noqa: PTH112
        sync(file)

    monkeypatch.setattr(os, "replace", renamed)
    monkeypatch.setattr(os, "fsync", synced)
    encode(tmp_path, texts.take([0]))
    names = ["manifest.json", "manifest.json", "00000.jsonl", "00000.npy", "manifest.json"]
    assert events == [step for name in names for step in ("file", name, "folder")]
    assert find_store(tmp_path, "documents") == tmp_path
