"""The encoder behind an address, against a server on loopback that misbehaves on purpose."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator
from email.utils import formatdate
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.embeddings_server import DIMENSION, Server, serving, vector, vectors

import clinometer as cm
from clinometer.encoders import HttpEncoder, HttpOptions
from clinometer.encoders import endpoint as endpoint_module
from clinometer.encoders.endpoint import Endpoint, Pace, _retry_after, checked_address
from clinometer.errors import EncoderError, FormatError, UsageError

TEXTS = [f"text {number}" for number in range(10)]
Make = Callable[..., HttpEncoder]


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoint_module, "_FIRST_WAIT", 0.001)
    for name in ("CLINOMETER_API_KEY", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as running:
        yield running


@pytest.fixture
def make(server: Server) -> Make:
    """An encoder on the server, with the probe taken off the server's books."""

    def encoder(plan: list[str] | None = None, batch_size: int = 4, **given: Any) -> HttpEncoder:
        names = HttpOptions.__struct_fields__
        options = HttpOptions(**{name: given.pop(name) for name in list(given) if name in names})
        made = HttpEncoder(server.address, "m", batch_size=batch_size, options=options, **given)
        server.requests.clear()
        server.headers.clear()
        server.plan[:] = plan or []
        return made

    return encoder


@pytest.mark.parametrize("encoding_format", ["float", "base64"])
@pytest.mark.parametrize("concurrency", [1, 3])
def test_rows_come_in_the_order_of_the_texts(
    make: Make, server: Server, encoding_format: str, concurrency: int
) -> None:
    encoder = make(["shuffle"] * 3, encoding_format=encoding_format, concurrency=concurrency)
    np.testing.assert_array_equal(encoder.encode_documents(TEXTS), vectors(TEXTS))
    assert sorted(len(body["input"]) for body in server.requests) == [2, 4, 4]
    assert {body["encoding_format"] for body in server.requests} == {encoding_format}
    assert {body["model"] for body in server.requests} == {"m"}


def test_prompts_and_fields_are_sent_and_recorded(make: Make, server: Server) -> None:
    encoder = make(
        query_prompt="query: ", document_prompt="passage: ", query_fields={"input_type": "query"}, batch_size=8
    )
    np.testing.assert_array_equal(encoder.encode_queries(["a"]), vectors(["query: a"]))
    np.testing.assert_array_equal(encoder.encode_documents(["a"]), vectors(["passage: a"]))
    assert [body.get("input_type") for body in server.requests] == ["query", None]
    record = encoder.record
    assert (record.kind, record.name, record.revision, record.dimension) == ("http", "m", "served-model", DIMENSION)
    assert (record.query_prompt, record.document_prompt) == ("query: ", "passage: ")
    assert record.settings["endpoint"] == server.address
    assert record.settings["query_fields"] == {"input_type": "query"}


def test_a_text_that_comes_twice_is_sent_once(make: Make, server: Server) -> None:
    found = make().encode_documents(["a", "b", "a"])
    assert server.texts == ["a", "b"]
    np.testing.assert_array_equal(found, vectors(["a", "b", "a"]))
    assert make().encode_queries([]).shape == (0, DIMENSION)


@pytest.mark.parametrize("fault", ["429", "500", "502", "503", "408", "truncate", "hang-up", "words"])
def test_what_may_pass_is_tried_again(make: Make, server: Server, fault: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        found = make([fault, fault]).encode_documents(["a"])
    np.testing.assert_array_equal(found, vectors(["a"]))
    assert len(server.requests) == 3
    assert len(caplog.messages) == 2
    assert all(re.search(r"/v1/embeddings .*; retrying in \d", message) for message in caplog.messages)


def test_a_slow_answer_is_given_up_and_asked_for_again(make: Make, server: Server) -> None:
    encoder = make(["slow 1"], timeout=0.2)
    np.testing.assert_array_equal(encoder.encode_documents(["a"]), vectors(["a"]))
    with pytest.raises(EncoderError, match=r"did not respond within 0\.2 s, 2 times; raise the timeout"):
        make(["slow 1"] * 2, timeout=0.2, retries=1).encode_documents(["a"])


def test_retry_after_is_honoured(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr(Endpoint, "_pause", lambda _, seconds: waits.append(seconds))
    encoder = make(["429 7", "503 3"])
    waits.clear()
    encoder.encode_documents(["a"])
    assert [wait for wait in waits if wait >= 1] == [7.0, 3.0]
    with pytest.raises(EncoderError, match=r"returned 429 .* and asks to wait 3600 s; retry then"):
        make(["429 3600"]).encode_documents(["a"])


def test_retry_after_may_be_a_date() -> None:
    assert _retry_after(formatdate(0)) == 0
    found = _retry_after(formatdate(4102444800))
    assert found is not None
    assert found > 1e6
    assert _retry_after("soon") is None
    assert _retry_after(None) is None


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        ("400", r"returned 400 Bad Request \(no luck.*\); a text may be too long for the model"),
        ("401", r"returned 401 Unauthorized .*; set CLINOMETER_API_KEY to a key of this server"),
        ("403", r"returned 403 Forbidden .*; set CLINOMETER_API_KEY to a key that may use this model"),
        ("404", r"returned 404 Not Found .*; check the URL, which usually ends in /v1, and the name of the model"),
        ("413", r"returned 413 .*; lower batch_size"),
        ("418", r"returned 418 .*; check it"),
        ("308 http://elsewhere/v1", r"returned 308 .*; give the URL that it points to, http://elsewhere/v1"),
        ("501", r"returned 501 .*; check the server's log"),
    ],
)
def test_a_refusal_names_the_address_and_the_mend_at_once(
    make: Make, server: Server, fault: str, sentence: str
) -> None:
    encoder = make([fault])
    with pytest.raises(EncoderError, match=rf"^documents, 2 texts from row 0: {server.address}/embeddings {sentence}"):
        encoder.encode_documents(["a", "b"])
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        ("429", r"returned 429 .*, 3 times; lower requests-per-minute"),
        ("500", r"returned 500 .*, 3 times; check the server's log"),
        ("truncate", r"broke off, or returned invalid JSON \(.+\), 3 times"),
    ],
)
def test_retries_end(make: Make, server: Server, fault: str, sentence: str) -> None:
    encoder = make([fault] * 9, retries=2)
    with pytest.raises(EncoderError, match=sentence):
        encoder.encode_documents(["a"])
    assert len(server.requests) == 3


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        ("dimension", f"returned {DIMENSION - 1} dimensions of 'served-model', but {DIMENSION} of"),
        ("model", "returned 6 dimensions of 'another-model', but 6 of 'served-model' before"),
        ("ragged", "returned embeddings of 5, 6 dimensions at once; one length is needed"),
        ("huge", "^documents, row 2: http://[^ ]+ returned NaN or infinity in its embedding; check the model"),
        ("zeros", "got 3 texts and returned 3 embeddings, whose indices should be 0 to 2, .* but are 0, 0, 0"),
        ("fewer", "got 3 texts and returned 2 embeddings"),
    ],
)
@pytest.mark.parametrize("encoding_format", ["float", "base64"])
def test_answers_that_cannot_be_right(make: Make, fault: str, sentence: str, encoding_format: str) -> None:
    with pytest.raises(EncoderError, match=sentence):
        make([fault], encoding_format=encoding_format).encode_documents(["a", "b", "c"])


def test_the_key_goes_into_the_header_and_nowhere_else(
    make: Make, server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    secret = "sk-very-secret"
    monkeypatch.setenv("CLINOMETER_API_KEY", secret)
    encoder = make(["500"], cache=tmp_path)
    with caplog.at_level(logging.DEBUG):
        encoder.encode_documents(["a"])
    assert server.headers[0]["Authorization"] == f"Bearer {secret}"
    server.plan[:] = ["401"]
    with pytest.raises(EncoderError, match=r"no luck, Bearer \*\*\*") as caught:
        encoder.encode_documents(["b"])
    kept = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    for place in (str(caught.value), repr(encoder), str(encoder.record), caplog.text, kept.decode("latin-1")):
        assert secret not in place
    make(api_key="other").encode_documents(["a"])
    assert server.headers[0]["Authorization"] == "Bearer other"
    make(api_key="").encode_documents(["a"])
    assert "Authorization" not in server.headers[0]
    with pytest.raises(UsageError, match="the API key has white space"):
        make(api_key="two words")


def test_the_key_of_openai_is_for_openai_only(make: Make, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-openai")
    make().encode_documents(["a"])
    assert "Authorization" not in server.headers[0]
    from clinometer.encoders.http import _key

    assert [_key(host) for host in ("api.openai.com", "openai.com", "openai.com.evil.org", "notopenai.com")] == [
        "sk-openai",
        "sk-openai",
        "",
        "",
    ]


def test_a_key_over_an_open_line_is_warned_about(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(HttpEncoder, "_ask", lambda *_: None)
    (warning,) = HttpEncoder("http://example.org/v1", "m", api_key="k").record.warnings
    assert "is not encrypted, so the API key can be intercepted; use https" in warning
    assert not HttpEncoder("https://example.org/v1", "m", api_key="k").record.warnings


def test_a_family_without_its_prompt_is_warned_about(server: Server) -> None:
    (warning,) = HttpEncoder(server.address, "intfloat/multilingual-e5-small", query_prompt="").record.warnings
    assert "give document_prompt='passage: '" in warning


def test_concurrency_and_its_limit(make: Make, server: Server) -> None:
    encoder = make(concurrency=3, batch_size=1)
    server.pause = 0.05
    np.testing.assert_array_equal(encoder.encode_documents(TEXTS), vectors(TEXTS))
    assert 2 <= server.most <= 3


def test_a_failure_among_concurrent_requests_ends_them_and_keeps_what_came(
    make: Make, server: Server, tmp_path: Path
) -> None:
    encoder = make(["", "", "400"], concurrency=2, batch_size=1, cache=tmp_path)
    with pytest.raises(EncoderError, match="returned 400"):
        encoder.encode_documents(TEXTS)
    assert len(server.requests) < len(TEXTS)
    assert len(list(tmp_path.rglob("*.npy"))) >= 2
    np.testing.assert_array_equal(encoder.encode_documents(TEXTS), vectors(TEXTS))  # and it can be used again


def test_a_run_that_stopped_goes_on_from_its_cache(make: Make, server: Server, tmp_path: Path) -> None:
    with pytest.raises(EncoderError):
        make(["", "", "400"], cache=tmp_path).encode_documents(TEXTS)
    again = make(cache=tmp_path, batch_size=3)
    assert server.requests == []  # no probe either
    np.testing.assert_array_equal(again.encode_documents(TEXTS), vectors(TEXTS))
    assert server.texts == TEXTS[8:]
    server.requests.clear()
    np.testing.assert_array_equal(again.encode_queries(TEXTS[::-1]), vectors(TEXTS[::-1]))
    assert server.texts == []
    make(cache=tmp_path, document_prompt="passage: ").encode_documents(TEXTS[:2])
    assert server.texts == ["passage: text 0", "passage: text 1"]
    make(cache=tmp_path, document_fields={"input_type": "x"}).encode_documents(TEXTS[:2])
    assert server.texts == TEXTS[:2]


def test_a_cache_of_another_model_is_not_mixed_in(make: Make, server: Server, tmp_path: Path) -> None:
    make(cache=tmp_path).encode_documents(TEXTS[:4])
    other = HttpEncoder(server.address, "other", cache=tmp_path)
    server.requests.clear()
    other.encode_documents(TEXTS[:4])
    assert server.texts == TEXTS[:4]
    server.served = "newer"
    with pytest.raises(EncoderError, match="of 'newer', but 6 of 'served-model' before"):
        make(cache=tmp_path).encode_documents(["new"])


def test_a_damaged_cache_is_named(make: Make, tmp_path: Path) -> None:
    make(cache=tmp_path).encode_documents(TEXTS)
    batch = next(tmp_path.rglob("*.npy"))
    batch.write_bytes(batch.read_bytes()[:-9])
    with pytest.raises(FormatError, match=rf"{batch.name}: not a batch of embeddings; remove it"):
        make(cache=tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="file is a file; give a folder for the cache"):
        make(cache=tmp_path / "file")


def test_a_server_that_is_not_there_is_not_waited_for() -> None:
    with serving() as gone:
        address = gone.address
    with pytest.raises(EncoderError, match=rf"^{address}/embeddings cannot be reached \(.*\); check the URL"):
        HttpEncoder(address, "m")


@given(
    st.lists(st.integers(1, 9), max_size=20),
    st.none() | st.integers(1, 600),
    st.none() | st.integers(1, 600),
    st.lists(st.floats(0, 3), min_size=20, max_size=20),
)
def test_no_minute_has_more_than_the_limit(
    texts: list[int], requests: int | None, limit: int | None, gaps: list[float]
) -> None:
    pace, now, sent = Pace(requests, limit), 0.0, []
    for size, gap in zip(texts, gaps, strict=False):
        now += gap
        now += pace.turn(size, now)
        sent.append((now, size))
    for start, _ in sent:
        inside = [size for when, size in sent if start <= when < start + 60 - 1e-6]
        assert requests is None or len(inside) <= requests
        # The last batch of a minute may reach over its end, and no further.
        assert limit is None or sum(inside[:-1]) <= limit


@pytest.mark.parametrize(
    "address",
    ["http://", "ftp://host/v1", "http://host:port/v1", "http://host/v1?key=1", "http://host/v1#x", "http://a b/v1"],
)
def test_an_address_that_is_none(address: str) -> None:
    with pytest.raises(UsageError, match="invalid URL"):
        checked_address(address)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"batch_size": 0}, "batch_size must be 1 or more, not 0"),
        ({"concurrency": 0}, "concurrency must be 1 or more"),
        ({"retries": -1}, "retries must be 0 or more"),
        ({"timeout": 0}, "timeout must be more than 0"),
        ({"requests_per_minute": float("inf")}, "requests_per_minute must be more than 0, not inf"),
        ({"query_fields": {"model": "x"}}, "query_fields cannot set model"),
    ],
)
def test_options_that_cannot_be_used(make: Make, given: dict[str, Any], sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        make(**given)


def test_the_factory(server: Server) -> None:
    made = cm.encoder(server.address, model="m", http=HttpOptions(concurrency=2))
    np.testing.assert_array_equal(made.encode_queries(["a"]), [vector("a")])
    with pytest.raises(UsageError, match=r"give the server's name of the model as well"):
        cm.encoder(server.address)
    with pytest.raises(UsageError, match=r"^device has no effect on an encoder behind a URL; leave it out$"):
        cm.encoder(server.address, model="m", device="cpu")
    with pytest.raises(UsageError, match=r"^cache has no effect on the offline encoder"):
        cm.encoder("offline", cache="x")
    with pytest.raises(UsageError, match=r"^model has no effect on a sentence-transformers model"):
        cm.encoder("some/model", model="x")
