"""A store that a cluster encoded has the bytes of one that was encoded here."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest
from support import faults

import clinometer as cm
from clinometer.collection import Texts
from clinometer.encoders import Encoder
from clinometer.errors import EncoderError, UsageError
from clinometer.executors import Executor
from clinometer.store import fill, open_writer

pytestmark = pytest.mark.ray


def contents(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def encode(folder: Path, texts: Texts, encoder: Encoder, elsewhere: Any = None, rows: int = 4) -> dict[str, bytes]:
    with open_writer(folder, texts, encoder, "documents", shard_rows=rows) as writer:
        fill(writer, texts, encoder, encode_all=None if elsewhere is None else elsewhere.encode_all("documents"))
    return contents(folder)


def made(*words: str) -> Texts:
    names = tuple(f"d{row}" for row in range(len(words)))
    return Texts(names, words, ("en",) * len(words), (None,) * len(words))


def test_the_offline_encoder(cluster: Executor, tmp_path: Path) -> None:
    from clinometer.store.ray_encoding import RayEncoders, made_of

    texts = cm.load("demo").documents.take(range(60))
    # Some texts come again, in their own shard and in another.
    texts = Texts(texts.ids, (*texts.texts[:50], *texts.texts[:5], *texts.texts[45:50]), texts.languages, texts.groups)
    make = partial(made_of, "offline", {})
    wanted = encode(tmp_path / "here", texts, make(), rows=13)
    with RayEncoders(make, workers=2) as elsewhere:
        assert encode(tmp_path / "there", texts, make(), elsewhere, rows=13) == wanted
        assert elsewhere.warnings() == []
    assert len(wanted) > 10


def test_a_killed_worker_and_an_error(cluster: Executor, tmp_path: Path) -> None:
    from clinometer.store.ray_encoding import RayEncoders

    texts = made(*(f"text {row % 17}" for row in range(30)))
    (tmp_path / "alive").touch()
    encoder = faults.DeadlyEncoder(str(tmp_path / "alive"))
    wanted = encode(tmp_path / "here", texts, encoder)
    make = partial(faults.DeadlyEncoder, str(tmp_path / "marker"))
    with RayEncoders(make, workers=2) as elsewhere:
        assert encode(tmp_path / "there", texts, encoder, elsewhere) == wanted
        assert (tmp_path / "marker").exists()
        assert elsewhere.warnings() == ["worker 0: said", "worker 1: said"]
        with pytest.raises(EncoderError, match=r"^the text 'bad' is bad$"):
            encode(tmp_path / "bad", made(*"abcdefgh", "bad"), encoder, elsewhere)
        # What was finished before the bad text is stored.
        assert len(cm.EmbeddingStore.open(tmp_path / "bad", partial=True)) == 8


def test_workers_that_cannot_be(cluster: Executor, tmp_path: Path) -> None:
    from clinometer.store.ray_encoding import RayEncoders

    make = partial(faults.DeadlyEncoder, str(tmp_path / "marker"))
    with pytest.raises(UsageError, match="write cuda"):
        RayEncoders(make, device="cuda:1")
    with RayEncoders(make, workers=3) as elsewhere, pytest.raises(UsageError, match="3 workers need as many cores"):
        encode(tmp_path / "store", made("a"), make(), elsewhere)
