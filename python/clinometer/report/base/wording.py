"""Words and numbers as a reader sees them: names of languages, measures with unit and direction, values, intervals.

One rule for each unit, so that a number looks the same in every table, sentence and figure. A value that is not
defined is a dash, never 0.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from clinometer.errors import MeasureError
from clinometer.measures.names import Measure, parse

__all__ = [
    "ARROWS",
    "BETTER",
    "DASH",
    "MINUS",
    "Scale",
    "count",
    "display",
    "interval",
    "language_name",
    "listed",
    "measure",
    "percent",
    "scale",
    "text_counts",
    "told",
    "value",
]

DASH = "–"
MINUS = "\N{MINUS SIGN}"
ARROWS = {True: " ↑", False: " ↓", None: ""}
"""What follows a measure's name in a heading, by whether higher is better."""
BETTER = {True: "Higher is better.", False: "Lower is better.", None: "Shows a direction, not a quality."}

_TABLE = """
af:Afrikaans am:Amharic ar:Arabic as:Assamese az:Azerbaijani be:Belarusian bg:Bulgarian bm:Bambara bn:Bengali
bo:Tibetan bs:Bosnian ca:Catalan ceb:Cebuano ckb:Sorani cs:Czech cy:Welsh da:Danish de:German el:Greek en:English
eo:Esperanto es:Spanish et:Estonian eu:Basque fa:Persian ff:Fula fi:Finnish fil:Filipino fr:French ga:Irish
gl:Galician gn:Guarani gu:Gujarati ha:Hausa he:Hebrew hi:Hindi hr:Croatian ht:Haitian hu:Hungarian hy:Armenian
id:Indonesian ig:Igbo ilo:Ilocano is:Icelandic it:Italian ja:Japanese jv:Javanese ka:Georgian kk:Kazakh km:Khmer
kn:Kannada ko:Korean ku:Kurdish ky:Kyrgyz la:Latin lb:Luxembourgish lg:Ganda ln:Lingala lo:Lao lt:Lithuanian
lv:Latvian mg:Malagasy mi:Maori mk:Macedonian ml:Malayalam mn:Mongolian mr:Marathi ms:Malay mt:Maltese my:Burmese
nb:Norwegian ne:Nepali nl:Dutch nn:Nynorsk no:Norwegian ny:Nyanja om:Oromo or:Odia pa:Punjabi pl:Polish ps:Pashto
pt:Portuguese ro:Romanian ru:Russian rw:Kinyarwanda sa:Sanskrit sd:Sindhi si:Sinhala sk:Slovak sl:Slovenian sn:Shona
so:Somali sq:Albanian sr:Serbian ss:Swati st:Sotho su:Sundanese sv:Swedish sw:Swahili ta:Tamil te:Telugu tg:Tajik
th:Thai ti:Tigrinya tl:Tagalog tn:Tswana tr:Turkish ts:Tsonga ug:Uyghur uk:Ukrainian ur:Urdu uz:Uzbek vi:Vietnamese
war:Waray wo:Wolof xh:Xhosa yi:Yiddish yo:Yoruba zh:Chinese zu:Zulu
"""
_NAMES: dict[str, str] = dict(entry.split(":", 1) for entry in _TABLE.split())


class Scale(NamedTuple):
    """How values of a measure are written: factor, number of digits, whether with a sign, and unit."""

    factor: float
    digits: int
    signed: bool
    unit: str


_SCALES = {
    "0-1": Scale(1, 3, False, ""),
    "share": Scale(100, 1, False, "%"),
    "%": Scale(1, 1, False, "%"),
    "rank": Scale(1, 1, False, ""),
    "log2 ranks": Scale(1, 2, True, "log2 ranks"),
    "documents": Scale(1, 2, False, "documents"),
}
_UNKNOWN = Scale(1, 3, False, "")


def language_name(label: str) -> str:
    """The English name of a language, or the label itself if its name is unknown.

    Example:
        >>> [language_name(label) for label in ("de", "zh-Hant", "pt-BR", "xx")]
        ['German', 'Chinese (Hant)', 'Portuguese (BR)', 'xx']
    """
    first, _, rest = label.partition("-")
    name = _NAMES.get(first)
    if name is None:
        return label
    return f"{name} ({rest})" if rest else name


@lru_cache(maxsize=256)
def measure(name: str) -> Measure | None:
    """The measure of that name; None for one that this version does not know, which is shown by its name."""
    try:
        return parse([name])[0]
    except MeasureError:
        return None


def display(name: str) -> str:
    """A measure's name as a reader sees it."""
    known = measure(name)
    return name if known is None else known.display


def scale(name: str) -> Scale:
    """How values of a measure are written; a gap of percentages is in points, and no gap has a sign."""
    known = measure(name)
    if known is None:
        return _UNKNOWN
    usual = _SCALES.get(known.unit, _UNKNOWN)
    if known.inner is not None:
        return usual._replace(signed=False, unit="points" if usual.unit == "%" else usual.unit)
    return usual


def percent(name: str) -> str:
    """The sign behind a value of the measure in a sentence or on an axis, if it is a percentage; else nothing.

    Example:
        >>> percent("Intrusion"), percent("RankGap")
        ('%', '')
    """
    return "%" if scale(name).unit == "%" else ""


def value(name: str, number: float | None) -> str:
    """A value of the measure, without its unit.

    Example:
        >>> value("Intrusion", 0.2344), value("RankGap", -0.5), value("MaxR", 1650.95), value("nDCG@10", None)
        ('23.4', '−0.50', '1,651.0', '–')
    """
    if number is None:
        return DASH
    factor, digits, signed, _ = scale(name)
    text = f"{number * factor:{'+' if signed else ''},.{digits}f}"
    if float(text.replace(",", "")) == 0:
        text = text.lstrip("+-")
    return text.replace("-", MINUS)


def interval(name: str, low: float | None, high: float | None, joint: str = ", ") -> str:
    """The two ends of an interval; empty without an interval.

    Example:
        >>> interval("Intrusion", 0.21, 0.258), interval("Intrusion", None, None)
        ('21.0, 25.8', '')
    """
    if low is None or high is None:
        return ""
    return f"{value(name, low)}{joint}{value(name, high)}"


def count(number: float | None) -> str:
    """A number of queries or documents; a mean of such numbers keeps one digit.

    Example:
        >>> count(1190), count(479.5), count(None)
        ('1,190', '479.5', '–')
    """
    if number is None:
        return DASH
    return f"{number:,.0f}" if float(number).is_integer() else f"{number:,.1f}"


def told(name: str, row: Mapping[str, Any]) -> str:
    """A row in words: the measure with its value, the interval, and the number of queries.

    Example:
        >>> told("Intrusion", {"value": 0.234, "ci_low": 0.21, "ci_high": 0.258, "queries": 1190})
        'Intrusion 23.4%, interval 21.0 to 25.8, 1,190 queries'
    """
    facts = [f"{display(name)} {value(name, row['value'])}{percent(name)}"]
    if ends := interval(name, row.get("ci_low"), row.get("ci_high"), " to "):
        facts.append(f"interval {ends}")
    if row.get("queries") is not None:
        facts.append(f"{count(row['queries'])} {'query' if row['queries'] == 1 else 'queries'}")
    return ", ".join(facts)


def text_counts(collection: Mapping[str, Any]) -> tuple[str, str]:
    """The numbers of documents and of queries in all languages, from the description of a collection.

    Example:
        >>> text_counts({"documents": {"de": 900, "en": 1100}, "queries": None})
        ('2,000', '0')
    """
    documents, queries = (sum((collection.get(name) or {}).values()) for name in ("documents", "queries"))
    return count(documents), count(queries)


def listed(entry: Any) -> str:
    """A setting or note in words: lists with commas, tables as `key value`, yes and no for true and false."""
    if entry is None:
        return "none"
    if isinstance(entry, bool):
        return "yes" if entry else "no"
    if isinstance(entry, Mapping):
        return ", ".join(f"{key} {listed(item)}" for key, item in entry.items()) or "none"
    if isinstance(entry, Sequence) and not isinstance(entry, str):
        return ", ".join(listed(item) for item in entry) or "none"
    if isinstance(entry, int):
        return f"{entry:,}"
    return str(entry)
