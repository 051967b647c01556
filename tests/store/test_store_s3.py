"""Stores in S3, from a server of its protocol on this machine."""

from __future__ import annotations

import json
import socket
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.brute_force import embeddings
from support.command_line import Run

import clinometer as cm
from clinometer.encoders import EncoderRecord
from clinometer.errors import ClinometerError, FormatError, MissingFileError
from clinometer.files import remote
from clinometer.store import EmbeddingStore, StoreWriter

pytestmark = [
    pytest.mark.storage,
    # Of the client and the server, which are not ours.
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]

ROWS = embeddings(3, 2000, 16, tied=True)
KEY, SECRET = "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY"


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    pytest.importorskip("s3fs", reason="s3fs is not installed (make test-ray)")
    moto = pytest.importorskip("moto.server", reason="moto is not installed (make test-ray)")
    served = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    served.start()
    host, port = served.get_host_and_port()
    yield f"http://{host}:{port}"
    served.stop()


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setattr(remote, "_PAUSE", 0.01)


@pytest.fixture
def stores(server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stores in a folder and in a new bucket `embeddings`, which the environment leads to."""
    import s3fs

    monkeypatch.setenv("AWS_ENDPOINT_URL", server)
    urllib.request.urlopen(urllib.request.Request(f"{server}/moto-api/reset", method="POST")).close()
    for stage, rows in (("documents", ROWS), ("queries", ROWS[:20] + 1)):
        record = EncoderRecord(name="m", kind="http")
        with StoreWriter(tmp_path / "stores" / stage, record, stage, "float16") as writer:  # type: ignore[arg-type]
            for start in range(0, len(rows), 900):
                part = rows[start : start + 900]
                names = [f"{stage[0]}{row}" for row in range(start, start + len(part))]
                writer.append(part, names, [("en", "de")[row % 2] for row in range(len(part))])
    system = s3fs.S3FileSystem(skip_instance_cache=True)
    system.mkdir("embeddings")
    for file in (tmp_path / "stores").rglob("*"):
        if file.is_file() and file.name != ".lock":
            system.pipe_file(f"embeddings/{file.relative_to(tmp_path)}", file.read_bytes())
    return tmp_path / "stores"


def test_a_scan_of_a_bucket(stores: Path, run: Run, tmp_path: Path) -> None:
    there = EmbeddingStore.open("s3://embeddings/stores/documents")
    there.verify()
    local = EmbeddingStore.open(stores / "documents")
    relevant = [[row] for row in range(100, 120)]
    mine, other = (cm.scan(ROWS[:20] + 1, store, relevant, k=5) for store in (there, local))
    assert mine.ranks is not None
    assert other.ranks is not None
    for name in ("scores", "greater", "equal", "before"):
        np.testing.assert_array_equal(getattr(mine.ranks, name), getattr(other.ranks, name))
    (tmp_path / "qrels").write_text("q0 0 d5 1\nq3 0 d1900 1\n")
    for options in ((), ("--verify",)):
        found = run("scan", "s3://embeddings/stores", "--relevant", tmp_path / "qrels", "--json", *options)
        assert found.code == 0, found.err
        assert json.loads(found.out)["documents"]["path"] == "s3://embeddings/stores/documents"
        assert SECRET not in found.out + found.err
        rows = json.loads(run("scan", stores, "--relevant", tmp_path / "qrels", "--json").out)["rows"]
        assert json.loads(found.out)["rows"] == rows


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("s3://nobody/stores", "s3://nobody/stores/manifest.json does not exist"),
        ("s3://embeddings/nothing", "s3://embeddings/nothing/manifest.json does not exist"),
    ],
)
def test_a_bucket_or_folder_that_does_not_exist(stores: Path, run: Run, url: str, sentence: str) -> None:
    with pytest.raises(MissingFileError, match=sentence):
        EmbeddingStore.open(url)
    refused = run("store", "info", url)
    assert refused.code == 1 or refused.code == 2
    assert sentence in refused.err
    assert "Traceback" not in refused.err


def test_no_rights(stores: Path, server: str) -> None:
    def set_open_requests(count: str) -> None:
        headers = {"Content-Type": "text/plain"}
        request: Any = urllib.request.Request(f"{server}/moto-api/reset-auth", count.encode(), headers, method="POST")
        urllib.request.urlopen(request).close()

    set_open_requests("0")
    try:
        with pytest.raises(
            ClinometerError, match=r"no rights to read it \((403|InvalidAccessKeyId|AccessD\w+)\)"
        ) as caught:
            EmbeddingStore.open("s3://embeddings/stores/documents")
    finally:
        set_open_requests("inf")
    assert KEY not in str(caught.value)
    assert SECRET not in str(caught.value)


def test_a_server_that_does_not_answer(stores: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        nowhere = f"http://127.0.0.1:{unused.getsockname()[1]}"
        with pytest.raises(ClinometerError, match=r"could not be read in 4 attempts \([A-Za-z ]+\); check the conn"):
            EmbeddingStore.open("s3://embeddings/stores/documents", storage_options={"endpoint_url": nowhere})


def test_a_shard_that_was_replaced(stores: Path, server: str) -> None:
    import s3fs

    store = EmbeddingStore.open("s3://embeddings/stores/documents", storage_options={"endpoint_url": server})
    system = s3fs.S3FileSystem(skip_instance_cache=True)
    shard = "embeddings/stores/documents/00001.npy"
    system.pipe_file(shard, system.cat_file(shard)[:-9])
    with pytest.raises(FormatError, match=r"^s3://embeddings/stores/documents/00001.npy: 28,919 bytes, but expected"):
        cm.search(ROWS[:3], store, k=2)
