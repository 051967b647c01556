"""Language labels: one short BCP-47 form (`en`, `zh`, `zh-Hant`) for every way in which data sets write a language.

Labels are mapped, never guessed from text: `eng_Latn` (FLORES, Belebele), `eng-Latn` (mteb), `en-US` and `EN` are all
`en`. A script stays only where it is not the usual one: `zho_Hans` is `zh`; `zho_Hant` and `zh-TW` are `zh-Hant`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from clinometer.errors import LanguageError, shown
from clinometer.suggestions import did_you_mean, likeness, question

if TYPE_CHECKING:
    from langcodes import Language

__all__ = ["KNOWN", "canonical", "long_label", "near", "select"]

# These two-letter codes are canonical as they are, so that common labels do not wait for the import of langcodes.
_PLAIN = frozenset(
    re.findall(
        r"\w+",
        """
    aa ab ae af ak am an ar as av ay az ba be bg bi bm bn bo br bs ca ce ch co cr cs cu cv cy da de dv dz ee el en eo es
    et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu hy hz ia id ie ig ii ik io is it iu ja jv ka kg ki
    kj kk kl km kn ko kr ks ku kv kw ky la lb lg li ln lo lt lu lv mg mh mi mk ml mn mr ms mt my na nd ne ng nl nn no nr
    nv ny oc oj om or os pa pi pl ps pt qu rm rn ro ru rw sa sc sd se sg si sk sl sm sn so sq sr ss st su sv sw ta te tg
    th ti tk tn to tr ts tt tw ty ug uk ur uz ve vi vo wa wo xh yi yo za zh zu
        """,
    )
)
KNOWN = _PLAIN | {"bh", "in", "iw", "ji", "jw", "mo", "nb", "sh", "tl"}
"""Two-letter labels that are known languages, old ones included; other labels are accepted too."""

_LABEL = re.compile(r"[a-z]{2}[a-z0-9]{0,6}(-[a-z0-9]{1,8})*")
_HEAD = re.compile(r"[a-z]{2,3}(-[a-z]{3}){0,2}(-[a-z]{4})?(?P<region>-[a-z]{2}|-[0-9]{3})?")
# Scripts and regions that BCP 47 leaves to users; XK is in common use for Kosovo.
_PRIVATE = re.compile(r"AA|Q[M-Z]|X[A-JL-Z]|ZZ|Qa[ab][a-x]")
# CLDR keeps Bokmål apart from Norwegian, which it is nearly always, lacks Southern Pashto, joins Twi with Akan, which
# parallel texts hold apart, and names Dari by a country.
_OWN_CHOICE = {"nb": "no", "pbt": "ps", "tw": "tw"}
_OWN_REGION = {("fa", "AF"): "prs"}
# Styles of scripts, and "not coded".
_SCRIPT_OF_STYLE = {
    **dict.fromkeys(("Latf", "Latg"), "Latn"),
    **dict.fromkeys(("Syre", "Syrj", "Syrn"), "Syrc"),
    **dict.fromkeys(("Zzzz", "Zyyy", "Zinh"), ""),
    "Aran": "Arab",
    "Cyrs": "Cyrl",
    "Geok": "Geor",
    "Hanb": "Hant",
}
# Scripts that are written together, so that either names the usual writing.
_WRITTEN_TOGETHER = [{"Jpan", "Hira", "Kana", "Hrkt", "Hani"}, {"Kore", "Hang", "Jamo", "Hani"}, {"Hans", "Hani"}]
# CLDR's likely scripts lack these labels, or name another script than FLORES uses (Crimean Tatar).
_USUAL_SCRIPT = {
    **dict.fromkeys(re.findall(r"\w+", "aao abh abv acm acq acx ajp arq ars auz avl ayh ayl ayn ayp azb"), "Arab"),
    **dict.fromkeys(("pga", "prs", "ssh"), "Arab"),
    **dict.fromkeys(("und", "mul", "mis", "zxx"), ""),
    "crh": "Latn",
}
_MTEB = {"ko": ("kor", "Hang"), "no": ("nob", "Latn")}
# Share of letters in common from which two labels of four letters or more are near.
_ALIKE = 0.8


def canonical(label: str) -> str:
    """The short form of a language label; labels of one language have the same.

    Old codes get their successor (`iw` is `he`), languages that stand for a macrolanguage its label (`cmn` is `zh`,
    `arb` is `ar`, `nob` is `no`), and a script goes if it is the language's usual one. A country or region goes too,
    unless it implies another script: `pt-BR` is `pt`, `zh-TW` is `zh-Hant`. The aliases and usual scripts are those of
    Unicode's CLDR, in the package langcodes.

    Args:
        label: `en`, `EN`, `eng`, `eng_Latn`, `zh-Hant`, `pt-BR`, ... Labels that are not codes of languages, such as
            `lang1` or `xx-legal`, stay as they are, in lower case. To hold two variants apart, give them a private
            subtag: `pt-x-br`.

    Returns:
        The label in BCP-47 order and case.

    Raises:
        LanguageError: The label is not of that form.

    Example:
        >>> [canonical(label) for label in ("eng_Latn", "zho_Hans", "zh-TW", "EN", "pt-br", "arb_Arab", "iw")]
        ['en', 'zh', 'zh-Hant', 'en', 'pt', 'ar', 'he']
        >>> [canonical(label) for label in ("lang1", "xx-legal", "pt-x-br", "nob", "nn", "srp_Latn")]
        ['lang1', 'xx-legal', 'pt-x-br', 'no', 'nn', 'sr-Latn']
    """
    if isinstance(label, str) and label in _PLAIN:
        return str(label)  # of a subclass, such as numpy.str_, the text alone
    tag = label.strip().replace("_", "-").lower() if isinstance(label, str) else ""
    if not _LABEL.fullmatch(tag):
        raise LanguageError(f"{shown(label)} is not a language label; write one like 'en', 'zh-Hant' or 'eng_Latn'")
    return tag if tag in _PLAIN else _short(tag)


@lru_cache(maxsize=4096)
def _short(tag: str) -> str:
    """The canonical form of a well-formed label in lower case."""
    from langcodes import Language

    parts = tag.split("-")
    for size in range(min(len(parts), 4), 0, -1):
        head = _HEAD.fullmatch("-".join(parts[:size]))
        read = Language.get(head[0]) if head else None
        if head and read and read.is_valid() and not _is_private(read):
            break
    else:
        # Not the code of a language.
        parts[1:2] = [part.title() if _is_script(part) else part for part in parts[1:2]]
        return "-".join(parts)
    code, region = read.language or parts[0], read.territory
    if region and not head["region"]:
        # CLDR names some languages by another one and a country, `swc` as `sw-CD`; these keep their code.
        language, region = parts[0], None
    else:
        wider = read.prefer_macrolanguage().language or code
        language = _OWN_REGION.get((code, region or "")) or _OWN_CHOICE.get(code, wider)
    script = read.script or ""
    script = _SCRIPT_OF_STYLE.get(script, script) or (_likely_script(language, region) if region else "")
    usual = _likely_script(language)
    if script == usual or any({script, usual} <= scripts for scripts in _WRITTEN_TOGETHER):
        script = ""
    return "-".join(part for part in (language, script, *parts[size:]) if part)


def _is_script(part: str) -> bool:
    from langcodes import Language

    return len(part) == 4 and Language.make(script=part.title()).is_valid()


def _is_private(read: Language) -> bool:
    """Whether the parts of a label mean something to its author only."""
    return bool(read.extlangs or read.private) or any(
        _PRIVATE.fullmatch(part or "") for part in (read.territory, read.script)
    )


@lru_cache(maxsize=4096)
def _likely_script(language: str, territory: str | None = None) -> str:
    """The usual script of a language, in a country if one is named."""
    from langcodes import Language

    if language in _USUAL_SCRIPT:
        return _USUAL_SCRIPT[language]
    return Language.make(language=language, territory=territory).maximize().script or ""


def long_label(label: str) -> str:
    """A label in the form of mteb: ISO 639-3 with a script.

    Example:
        >>> [long_label(label) for label in ("en", "zh", "zh-Hant", "pt-BR", "no", "ceb")]
        ['eng-Latn', 'zho-Hans', 'zho-Hant', 'por-Latn', 'nob-Latn', 'ceb-Latn']

    Raises:
        LanguageError: The label is not a language's code, so that its script is not known.
    """
    from langcodes import Language

    language, *rest = canonical(label).split("-")
    if not Language.make(language=language).is_valid():
        raise LanguageError(f"{shown(label)} has no ISO 639-3 code and script; name the language, such as 'ceb'")
    script = next((part for part in rest if part.istitle() and len(part) == 4), None) or _likely_script(language)
    if language in _MTEB:
        return f"{_MTEB[language][0]}-{script if script != _likely_script(language) else _MTEB[language][1]}"
    return f"{Language.make(language=language).to_alpha3()}-{script}"


def near(label: str, others: Iterable[str]) -> list[str]:
    """The canonical labels that may mean the same language as another one.

    They are equal before the first hyphen, spelled nearly alike, or one is a word that begins with the other's code.

    Example:
        >>> near("zh-Hant", ["de", "zh", "yue"]), near("german", ["de", "el"]), near("lang1", ["lang-1", "long"])
        (['zh'], ['de'], ['lang-1'])
        >>> near("en", ["de", "es", "no"])
        []
    """
    return [other for other in others if other != label and (_keys(label) & _keys(other) or _alike(label, other))]


def _keys(label: str) -> set[str]:
    """The language of a label, and the one whose three-letter code begins it where it is a longer word."""
    language = label.split("-")[0]
    return {language, canonical(language[:3]).split("-")[0]} if len(language) > 3 else {language}


def _alike(label: str, other: str) -> bool:
    return min(len(label), len(other)) > 3 and likeness(label, other) >= _ALIKE


def select(wanted: Iterable[str] | None, available: Sequence[str], what: str = "the collection") -> list[str]:
    """The requested languages in canonical form, each once, or all that are available.

    Raises:
        LanguageError: Languages are not available; the message names them and those that are.

    Example:
        >>> select(["deu_Latn", "en"], ["en", "de", "zh"])
        ['de', 'en']
    """
    if wanted is None:
        return list(available)
    labels = list(dict.fromkeys(canonical(label) for label in wanted))
    missing = [label for label in labels if label not in available]
    if missing:
        meant = [*dict.fromkeys(other for label in missing for other in near(label, available) if other not in labels)]
        suggestion = question(meant) or did_you_mean(missing, available)
        raise LanguageError(f"{what} has no {', '.join(missing)}; it has {', '.join(available)}{suggestion}")
    if not labels:
        raise LanguageError(f"no language was chosen; {what} has {', '.join(available)}")
    return labels
