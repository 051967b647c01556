"""Numbers as text: what Python reads and we do not, wherever a number is read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.command_line import Run

import clinometer as cm
from clinometer.errors import ClinometerError, UsageError
from clinometer.io.trec import read_qrels, read_run
from clinometer.numerals import read_bytes, read_int, read_number, read_score

NOT_OURS = ["1_0", "١٠", "１", " 1", "1 ", "1\n", "", "+", "0x10", "1" * 5000, "²"]
"""Most of these are numbers for `int` or `float`."""


@pytest.mark.parametrize("text", NOT_OURS)
@pytest.mark.parametrize("read", [read_int, read_number, read_score, lambda text: read_bytes(f"{text}_GB", "size")])
def test_only_ascii_digits_are_read(read: Callable[[str], float], text: str) -> None:
    with pytest.raises(UsageError) as caught:
        read(text)
    assert len(str(caught.value)) < 200


@given(st.integers(-(10**18), 10**18))
def test_whole_numbers_are_read_as_python_writes_them(number: int) -> None:
    assert read_int(str(number)) == number
    assert read_number(str(number)) == float(number)


@given(st.floats(allow_nan=False))
def test_numbers_are_read_as_python_writes_them(number: float) -> None:
    assert read_score(repr(number)) == number


@pytest.mark.parametrize("text", ["nan", "inf", "1e", ".", "1.5.2", "--1"])
def test_what_is_not_a_finite_number_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        read_number(text)


@pytest.mark.parametrize("number", ["1_0", "١"])
def test_files_hold_plain_numbers(tmp_path: Path, number: str) -> None:
    qrels, run = tmp_path / "qrels.txt", tmp_path / "run.txt"
    qrels.write_text(f"q 0 d {number}\n", encoding="utf-8")
    run.write_text(f"q Q0 d 1 {number} tag\n", encoding="utf-8")
    for read, path in ((read_qrels, qrels), (read_run, run)):
        with pytest.raises(ClinometerError, match=f":1: .*{number}"):
            read(path)


@pytest.mark.parametrize(
    "options",
    [
        ["--resamples", "1_0"],
        ["--resamples", "١٠٠"],
        ["--confidence", "0.9_5"],
        ["--seed", "1_0"],
        ["--pool", "near-duplicates(share=0.1_5)"],
        ["--pool", "near-duplicates(share=0.5, seed=1_0)"],
        ["--encoder", "bm25:k1=0.9_0"],
    ],
)
def test_options_hold_plain_numbers(run: Run, options: list[str]) -> None:
    result = run("evaluate", "demo", *options)
    assert result.code == 2
    assert "Traceback" not in result.err


@pytest.mark.parametrize("measure", ["nDCG@1_0", "RBP(p=0.8_5)", "RBP(p=٠.٥)", "LangNDCG(gain=0.2_5)@10"])
def test_measures_hold_plain_numbers(measure: str) -> None:
    with pytest.raises(UsageError):
        cm.evaluate("demo", measures=[measure])
