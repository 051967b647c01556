"""What all corrections share: files, unknown languages, row independence, and the sentences of refusals."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from clinometer.correction import METHODS, Center, Correction, fit, load
from clinometer.correction.sample import PARALLEL
from clinometer.errors import EmbeddingError, FormatError, LanguageError, UsageError

LANGUAGES = ["en", "de", "zh"] * 20
GROUPS = [str(row // 3) for row in range(60)]


def rows(seed: int = 0, count: int = 60, dimension: int = 16) -> NDArray[np.float32]:
    shifts = np.random.default_rng(99).normal(size=(3, dimension))
    return (np.random.default_rng(seed).normal(size=(count, dimension)) + shifts[np.arange(count) % 3]).astype(
        np.float32
    )


def made(method: str, **options: Any) -> Correction:
    groups = {"groups": GROUPS, "query_groups": GROUPS} if method in PARALLEL else {}
    return fit(method, rows(), LANGUAGES, rows(1), LANGUAGES, **groups, **options)


@pytest.mark.parametrize("method", METHODS)
def test_saved_equals_loaded_bit_for_bit(method: str, tmp_path: Path) -> None:
    first = made(method)
    first.save(tmp_path / "a.npz")
    again = load(tmp_path / "a.npz")
    assert type(again) is type(first)
    assert again.describe() == first.describe()
    assert set(again.arrays) == set(first.arrays)
    for name, array in first.arrays.items():
        assert array.tobytes() == again.arrays[name].tobytes()
    assert first.apply(rows(2), LANGUAGES).tobytes() == again.apply(rows(2), LANGUAGES).tobytes()
    assert first.apply_queries(rows(2)).tobytes() == again.apply_queries(rows(2)).tobytes()
    again.save(tmp_path / "b.npz")
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.npz", "b.npz"]


@pytest.mark.parametrize("method", METHODS)
def test_rows_are_unit_float32_and_depend_on_nothing_but_themselves(
    method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    correction, vectors = made(method), rows(3)
    for apply in (correction.apply, correction.apply_queries):
        whole = apply(vectors, LANGUAGES)
        assert whole.dtype == np.float32
        assert whole.shape == (60, correction.output_dimension)
        np.testing.assert_allclose(np.linalg.norm(whole, axis=1), 1, rtol=1e-6)
        single = [apply(vectors[row : row + 1], LANGUAGES[row : row + 1]) for row in range(60)]
        assert np.concatenate(single).tobytes() == whole.tobytes()
        with monkeypatch.context() as patch:
            patch.setattr("clinometer.correction.base._BLOCK", 7)
            assert apply(vectors, LANGUAGES).tobytes() == whole.tobytes()
        # Powers of two scale without rounding: only directions count, unless a method says otherwise.
        same = apply(vectors * np.float32(4), LANGUAGES).tobytes() == whole.tobytes()
        assert same == (not correction.lengths_count or apply == correction.apply_queries)
        # Slices of a wider array, Fortran order and read-only input are all the same rows.
        assert apply(np.asfortranarray(vectors), LANGUAGES).tobytes() == whole.tobytes()


@pytest.mark.parametrize("method", METHODS)
def test_fitting_does_not_depend_on_how_languages_are_mixed(method: str) -> None:
    order = np.argsort(LANGUAGES, kind="stable")
    labels, groups = [LANGUAGES[row] for row in order], [GROUPS[row] for row in order]
    extra = {"groups": groups, "query_groups": groups} if method in PARALLEL else {}
    sorted_first = fit(method, rows()[order], labels, rows(1)[order], labels, **extra)
    assert sorted_first.apply(rows(2), LANGUAGES).tobytes() == made(method).apply(rows(2), LANGUAGES).tobytes()


@pytest.mark.parametrize("method", METHODS)
def test_unknown_languages_are_refused_by_name(method: str) -> None:
    correction = made(method)
    labels = ["en", "fra_Latn", "fr", None]
    with pytest.raises(LanguageError, match=r"was not fitted on documents in fr \(2\), not known \(1\), only in de"):
        correction.apply(rows(2)[:4], labels)
    with pytest.raises(LanguageError, match="was not fitted on queries in fr"):
        correction.apply_queries(rows(2)[:4], labels)


@pytest.mark.parametrize("method", METHODS)
def test_unknown_languages_may_take_the_mean_or_be_left_and_are_counted(method: str) -> None:
    correction, vectors = made(method), rows(2)[:3]
    for side, apply in (("documents", correction.apply), ("queries", correction.apply_queries)):
        with pytest.warns(
            UserWarning,
            match=rf"^2 of 3 {side} were corrected by the mean over all languages: fr \(1\), not known \(1\)$",
        ):
            mean = apply(vectors, ["en", "fr", None], unknown="mean")
        if (method, side) == ("query-shift", "queries"):
            assert mean[1:].tobytes() == correction.apply_queries(vectors)[1:].tobytes()
            with pytest.raises(UsageError, match=r"moved for each language of queries, and none unmoved; choose unkn"):
                apply(vectors, ["en", "fr", None], unknown="leave")
            continue
        with pytest.warns(UserWarning, match=rf"^2 of 3 {side} were left uncorrected: fr \(1\), not known \(1\)$"):
            left = apply(vectors, ["en", "fr", None], unknown="leave")
        assert mean[0].tobytes() == left[0].tobytes()
        if side == "queries":
            assert mean[1:].tobytes() == correction.apply_queries(vectors)[1:].tobytes()
        unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        kept = left[1:, :16] / np.linalg.norm(left[1:, :16], axis=1, keepdims=True)
        np.testing.assert_allclose(kept, unit[1:], atol=1e-6)
        assert not np.allclose(mean[1:], left[1:], atol=1e-4)


def test_labels_may_be_in_any_spelling() -> None:
    correction = made("center")
    assert correction.languages == ("de", "en", "zh")
    np.testing.assert_array_equal(
        correction.apply(rows(2)[:3], ["eng_Latn", "DE", "zho_Hans"]), correction.apply(rows(2)[:3], LANGUAGES[:3])
    )


def test_half_precision_and_large_and_small_rows() -> None:
    correction, vectors = made("center"), rows(2)
    np.testing.assert_allclose(
        correction.apply(vectors.astype(np.float16), LANGUAGES), correction.apply(vectors, LANGUAGES), atol=2e-3
    )
    for factor in (2.0**800, 2.0**-800):
        extreme = vectors.astype(np.float64) * factor
        assert correction.apply(extreme, LANGUAGES).tobytes() == correction.apply(vectors, LANGUAGES).tobytes()


def test_the_warning_points_at_the_caller() -> None:
    with pytest.warns(UserWarning, match="left uncorrected") as caught:
        made("center").apply(rows(2)[:1], ["fr"], unknown="leave")
    assert caught[0].filename == __file__


def test_a_save_that_fails_leaves_the_old_file_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.npz"
    made("center").save(path)
    before = path.read_bytes()

    def fail(file: Any, **arrays: Any) -> None:
        file.write(b"half")
        raise OSError("no space left")

    monkeypatch.setattr(np, "savez", fail)
    with pytest.raises(OSError, match="no space left"):
        made("lir").save(path)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["a.npz"]


def test_no_rows_are_no_rows() -> None:
    assert made("center").apply(np.empty((0, 16), np.float32), []).shape == (0, 16)


@pytest.mark.parametrize(
    ("call", "kind", "text"),
    [
        (lambda c: c.apply(np.ones((2, 5)), ["en", "de"]), EmbeddingError, r"shape \(2, 5\), but .* 16 dimensions"),
        (lambda c: c.apply(np.ones(16), ["en"]), EmbeddingError, r"shape \(16,\)"),
        (lambda c: c.apply(np.ones((2, 16)), ["en"]), UsageError, "1 languages for 2 documents; give a list"),
        (lambda c: c.apply(np.ones((2, 16)), "en"), UsageError, "one string for 2 documents"),
        (lambda c: c.apply(np.ones((1, 16)), None), UsageError, "languages of the documents are missing"),
        (
            lambda c: c.apply(np.ones((1, 16)), ["en"], unknown="x"),
            UsageError,
            "unknown is 'x', but must be one of refuse",
        ),
        (lambda c: c.apply(np.ones((1, 16)), ["?"]), LanguageError, "'\\?' is not a language label"),
        (lambda c: c.save("correction.bin"), UsageError, "let the name end in .npz"),
    ],
)
def test_errors(call: Callable[[Correction], Any], kind: type[Exception], text: str) -> None:
    with pytest.raises(kind, match=text):
        call(made("center"))


def test_rows_that_cannot_be_scored_are_named_by_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("clinometer.correction.base._BLOCK", 8)
    vectors = rows(2)
    vectors[[11, 13]] = 0
    vectors[12, 3] = np.nan
    with pytest.raises(EmbeddingError, match=r"documents: 3 rows are zero, NaN or infinite \(11, 12, 13\)"):
        made("center").apply(vectors, LANGUAGES)


def test_a_row_of_which_nothing_is_left_is_an_error() -> None:
    center = Center.fit([[1.0, 0.0], [0.6, 0.8]], ["en", "de"], strength=1.0, directions=0)
    with pytest.raises(
        EmbeddingError, match=r"documents: nothing is left of 1 rows after the correction \(1\); fit on"
    ):
        center.apply([[0.0, 1.0], [1.0, 0.0]], ["en", "en"])


@pytest.mark.parametrize(
    ("method", "options", "text"),
    [
        ("whiten", {}, "unknown correction 'whiten'; expected one of center, lir, shift, query-shift, calibrate"),
        ("lir", {"strength": 1.0}, "unknown option strength of lir; expected components, centred"),
        ("shift", {}, "shift needs translated texts; give groups, the parallel group of each document"),
        ("query-shift", {}, "query-shift needs translated texts; give groups"),
        ("query-shift", {"groups": [1, 1], "pivot": "en"}, "unknown option pivot of query-shift; expected strength, s"),
        (
            "shift",
            {"groups": [1, 1], "queries": np.eye(2), "query_languages": ["en", "de"]},
            "shift needs translated texts; give query_groups as well",
        ),
        ("calibrate", {}, "calibrate needs sample queries"),
        ("center", {"queries": [[1.0, 0.0]]}, "queries and query_languages go together"),
    ],
)
def test_fit_by_name_refuses(method: str, options: dict[str, Any], text: str) -> None:
    with pytest.raises(UsageError, match=text):
        fit(method, np.eye(2), ["en", "de"], **options)


@pytest.mark.parametrize("method", METHODS)
def test_fitting_refuses_bad_samples(method: str) -> None:
    def call(vectors: Any, labels: Any) -> None:
        extra = {"groups": GROUPS, "query_groups": GROUPS} if method in PARALLEL else {}
        fit(method, vectors, labels, rows(1), LANGUAGES, **extra)

    bad = rows()
    bad[5] = np.inf
    with pytest.raises(EmbeddingError, match=r"documents: 1 rows are zero, NaN or infinite \(5\)"):
        call(bad, LANGUAGES)
    with pytest.raises(UsageError, match="59 languages for 60 documents"):
        call(rows(), LANGUAGES[1:])
    with pytest.raises(EmbeddingError, match="rows of different lengths"):
        call([[1.0], [1.0, 2.0]], LANGUAGES)


def test_files_that_are_no_corrections(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    with pytest.raises(FileNotFoundError):
        load(path)
    path.write_bytes(b"nothing of the kind")
    with pytest.raises(FormatError, match="not a correction"):
        load(path)
    np.savez(path, vectors=np.eye(2))
    with pytest.raises(FormatError, match="not a correction; write one with"):
        load(path)
    np.savez(path, about=np.array('{"format": "other"}'))
    with pytest.raises(FormatError, match="not a correction; write one with"):
        load(path)
    np.savez(path, about=np.array("{"))
    with pytest.raises(FormatError, match="damaged"):
        load(path)
    with path.open("wb") as file:
        np.save(file, np.eye(2))
    with pytest.raises(FormatError, match="not a correction"):
        load(path)


@pytest.mark.parametrize("method", METHODS)
def test_damaged_corrections_are_refused(method: str, tmp_path: Path) -> None:
    correction = made(method)
    path = tmp_path / "a.npz"
    for name, array in correction.arrays.items():
        for damage in (array[:-1], array[..., None], np.full_like(array, np.nan)):
            if name == "directions" and damage.shape == array[:-1].shape and array.ndim == 2:
                continue  # fewer directions are directions
            type(correction)(
                correction.languages,
                correction.query_languages,
                {**correction.arrays, name: damage},
                correction.settings,
            ).save(path)
            with pytest.raises(FormatError, match=f"damaged .*array '{name}'"):
                load(path)
    correction.save(path)
    path.write_bytes(path.read_bytes()[:-50])
    with pytest.raises(FormatError, match="damaged"):
        load(path)


def test_later_versions_and_methods_are_named(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    about = '{"format": "clinometer-correction", "version": 9, "method": "center"}'
    np.savez(path, about=np.array(about))
    with pytest.raises(FormatError, match="unknown version 9 or method 'center'; this program reads version 1"):
        load(path)
