"""Language labels: one short form for every way data sets write them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinometer.errors import ClinometerError, LanguageError, UsageError
from clinometer.languages import canonical, select


@pytest.mark.parametrize(
    ("label", "short"),
    [
        ("en", "en"),
        ("EN", "en"),
        (" en ", "en"),
        ("eng", "en"),
        ("eng_Latn", "en"),
        ("eng-Latn", "en"),
        ("ENG_LATN", "en"),
        ("en-Latn", "en"),
        ("zho_Hans", "zh"),
        ("cmn_Hans", "zh"),
        ("zho_Hant", "zh-Hant"),
        ("zh-hant", "zh-Hant"),
        ("srp_Cyrl", "sr"),
        ("srp_Latn", "sr-Latn"),
        ("arb_Arab", "ar"),
        ("ar", "ar"),
        ("ary_Arab", "ary-Arab"),
        ("pt-br", "pt-BR"),
        ("es_419", "es-419"),
        ("zh-hant-tw", "zh-Hant-TW"),
        ("npi_Deva", "ne"),
        ("zsm_Latn", "ms"),
        ("ceb", "ceb"),
        ("tha_Thai", "th"),
        ("kor_Hang", "ko"),
        ("jpn_Jpan", "ja"),
        ("rum", "rum"),
    ],
)
def test_labels_have_one_short_form(label: str, short: str) -> None:
    assert canonical(label) == short


@given(
    language=st.from_regex(r"[a-z]{2,8}", fullmatch=True),
    script=st.sampled_from(["", "-Latn", "_Cyrl", "-hant"]),
    region=st.sampled_from(["", "-BR", "_419"]),
)
def test_the_short_form_is_its_own_short_form(language: str, script: str, region: str) -> None:
    short = canonical(language + script + region)
    assert canonical(short) == short
    assert canonical((language + script + region).upper().replace("-", "_")) == short


@pytest.mark.parametrize(
    "label", ["", " ", "e", "english language", "e1", "en-", "en--us", "12", "日本", None, 3, b"en"]
)
def test_what_is_no_label_is_refused(label: Any) -> None:
    with pytest.raises(LanguageError, match="is not a language label; write one like 'en', 'zh-Hant' or 'eng_Latn'"):
        canonical(label)


def test_selecting_keeps_the_order_asked_for_and_names_what_is_missing() -> None:
    have = ["en", "de", "zh"]
    assert select(None, have) == have
    assert select(["zho_Hans", "en", "EN", "eng"], have) == ["zh", "en"]
    with pytest.raises(LanguageError, match="the pool has no fr, it; it has en, de, zh"):
        select(["fr", "en", "ita_Latn"], have, "the pool")
    with pytest.raises(LanguageError, match="no language was chosen; the collection has en, de, zh"):
        select([], have)


def test_an_unknown_language_is_wrong_usage() -> None:
    assert issubclass(LanguageError, UsageError)
    assert issubclass(UsageError, ClinometerError)
    assert issubclass(UsageError, ValueError)
