"""Language labels: one short form for every way data sets write them."""

from __future__ import annotations

import re
from typing import Any

import langcodes
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.interpreter import python

from clinometer.errors import ClinometerError, LanguageError, UsageError
from clinometer.languages import KNOWN, _short, canonical, long_label, near, select


@pytest.mark.parametrize(
    ("short", "labels"),
    [
        ("en", "en EN eng eng_Latn eng-Latn ENG_LATN en-Latn en-US en-UK en-GB en-Zzzz"),
        ("zh", "zh zho cmn chi zho_Hans cmn_Hans zh-CN zh-SG zh-Hani zh-Hans-CN zh-cmn"),
        ("zh-Hant", "zh-hant zho_Hant zh-TW zh-HK zh-MO zh-Hant-TW zh-hanb"),
        ("yue", "yue zh-yue yue_Hant yue-HK"),
        ("nan", "nan zh-min-nan"),
        ("sr", "sr srp_Cyrl sr-Cyrl sr-RS"),
        ("sr-Latn", "srp_Latn sr-Latn sr-ME sh hbs"),
        ("uz", "uz uzb uzn uzn_Latn uz-Latn"),
        ("uz-Cyrl", "uzn_Cyrl uz-Cyrl"),
        ("ar", "ar ara arb arb_Arab ar-EG"),
        ("ar-Latn", "arb_Latn"),
        ("ary", "ary ary_Arab"),
        ("ajp", "ajp ajp_Arab"),
        ("he", "he iw heb heb_Hebr"),
        ("id", "id in ind_Latn"),
        ("yi", "yi ji ydd ydd_Hebr"),
        ("ro", "ro mo rum ron_Latn"),
        ("no", "no nb nob nor nob_Latn nb-NO"),
        ("nn", "nn nno nno_Latn no-nyn"),
        ("fil", "fil tl tgl tgl_Latn"),
        ("ja", "ja jpn jpn_Jpan jpn-Hira ja-Kana ja-JP"),
        ("ko", "ko kor_Hang ko-Kore ko-KR"),
        ("fa", "fa pes pes_Arab fas fa-IR"),
        ("prs", "prs prs_Arab fa-AF"),
        ("sw", "sw swh swa swh_Latn"),
        ("swc", "swc"),
        ("ms", "ms zsm zsm_Latn msa"),
        ("ceb", "ceb ceb_Latn"),
        ("ckb", "ckb ckb_Arab"),
        ("tw", "tw twi twi_Latn"),
        ("ak", "ak aka_Latn"),
        ("ps", "ps pbt_Arab"),
        ("ur", "ur urd_Arab ur-Aran"),
        ("de", "de ger deu_Latn de-AT de-Latf"),
        ("pt", "pt pt-br pt-PT por_Latn"),
        ("es", "es es_419 es-MX"),
        ("pt-x-br", "pt-x-br PT_x_BR"),
        ("ca-valencia", "ca-valencia"),
        ("pa-Arab", "pa-PK pa-Arab"),
        ("und", "und"),
    ],
)
def test_labels_of_one_language_have_one_form(short: str, labels: str) -> None:
    assert {label: canonical(label) for label in [*labels.split(), short]} == dict.fromkeys(
        [*labels.split(), short], short
    )


@pytest.mark.parametrize("label", ["lang1", "xx-legal", "de-wiki", "en-xx", "de-web", "german", "qaa", "en-v2"])
def test_labels_that_are_not_codes_stay_as_they_are(label: str) -> None:
    assert canonical(label) == label


def test_labels_of_flores_stay_apart() -> None:
    """Scripts and varieties that FLORES-200 has side by side, which a reader must not merge."""
    labels = re.findall(
        r"\w+",
        "ace_Arab ace_Latn acm_Arab acq_Arab aeb_Arab ajp_Arab aka_Latn apc_Arab arb_Arab arb_Latn ars_Arab ary_Arab "
        "arz_Arab azb_Arab azj_Latn bjn_Arab bjn_Latn bos_Latn hin_Deva hin_Latn hrv_Latn kas_Arab kas_Deva knc_Arab "
        "knc_Latn ckb_Arab kmr_Latn min_Arab min_Latn mni_Beng mni_Mtei nno_Latn nob_Latn npi_Deva npi_Latn pes_Arab "
        "prs_Arab sat_Beng sat_Olck sin_Latn sin_Sinh srp_Cyrl taq_Latn taq_Tfng twi_Latn urd_Arab urd_Latn yue_Hant "
        "zho_Hans zho_Hant zsm_Latn ind_Latn ben_Beng ben_Latn swh_Latn uig_Arab fuv_Latn",
    )
    assert len({canonical(label) for label in labels}) == len(labels)


def test_common_labels_need_no_table_and_agree_with_it() -> None:
    assert {label: _short(label) for label in KNOWN if _short(label) == label} == {
        label: canonical(label) for label in KNOWN if canonical(label) == label
    }
    letters = "abcdefghijklmnopqrstuvwxyz"
    registered = {a + b for a in letters for b in letters if langcodes.tag_is_valid(a + b)}
    assert registered == KNOWN


def test_the_table_of_languages_is_not_read_for_common_labels() -> None:
    code = "import sys, clinometer; clinometer.languages.canonical('de'); print('langcodes' in sys.modules)"
    assert python(code) == "False"


@pytest.mark.parametrize(
    ("label", "long"),
    [("ko", "kor-Hang"), ("nb", "nob-Latn"), ("zh-TW", "zho-Hant"), ("ajp", "ajp-Arab"), ("sr-Latn", "srp-Latn")],
)
def test_long_labels_are_those_of_mteb(label: str, long: str) -> None:
    assert long_label(label) == long


def test_a_label_without_a_language_has_no_long_form() -> None:
    with pytest.raises(LanguageError, match="'lang1' has no ISO 639-3 code and script"):
        long_label("lang1")


@given(
    language=st.from_regex(r"[a-z]{2,8}", fullmatch=True),
    script=st.sampled_from(["", "-Latn", "_Cyrl", "-hant", "-Hira", "-wiki", "-Zzzz"]),
    region=st.sampled_from(["", "-BR", "_419", "-TW", "-XX", "-x-a", "-AF", "-yue"]),
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


def test_near_labels_may_mean_the_same_language() -> None:
    assert near("zh-Hant", ["zh", "yue", "de"]) == ["zh"]
    assert near("english", ["de", "en"]) == ["en"]
    assert near("de", ["german", "dutch"]) == ["german"]
    assert near("product-a", ["product-b", "legal"]) == ["product-b"]
    assert near("en", ["es", "ene", "de"]) == []


def test_an_unknown_language_is_wrong_usage() -> None:
    assert issubclass(LanguageError, UsageError)
    assert issubclass(UsageError, ClinometerError)
    assert issubclass(UsageError, ValueError)
