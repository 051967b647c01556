"""Language labels: short BCP-47-like forms (`en`, `zh`, `zh-Hant`), whichever form a data set uses.

Labels are mapped, never guessed from text: `eng_Latn` (FLORES, Belebele), `eng-Latn` (mteb), `eng` and `EN` all become
`en`. A script is kept only where it is not the usual one of the language: `zho_Hans` is `zh`, `zho_Hant` is `zh-Hant`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from clinometer.errors import LanguageError

__all__ = ["KNOWN", "canonical", "long_label", "select"]

# ISO 639-3 to ISO 639-1, with the usual script after the colon where Belebele and FLORES name one.
_TABLE = """
afr af:Latn amh am:Ethi ara ar:Arab arb ar:Arab asm as:Beng azj az:Latn aze az:Latn bel be:Cyrl
ben bn:Beng bod bo:Tibt bos bs:Latn bul bg:Cyrl cat ca:Latn ces cs:Latn cmn zh:Hans cym cy:Latn
dan da:Latn deu de:Latn ell el:Grek eng en:Latn epo eo:Latn est et:Latn eus eu:Latn fas fa:Arab
pes fa:Arab fin fi:Latn fra fr:Latn ful ff:Latn gle ga:Latn glg gl:Latn guj gu:Gujr hat ht:Latn
hau ha:Latn heb he:Hebr hin hi:Deva hrv hr:Latn hun hu:Latn hye hy:Armn ibo ig:Latn ind id:Latn
isl is:Latn ita it:Latn jav jv:Latn jpn ja:Jpan kan kn:Knda kat ka:Geor kaz kk:Cyrl khm km:Khmr
kin rw:Latn kir ky:Cyrl kor ko:Hang kur ku:Latn lao lo:Laoo lat la:Latn lin ln:Latn lit lt:Latn
ltz lb:Latn lug lg:Latn lav lv:Latn lvs lv:Latn mal ml:Mlym mar mr:Deva mkd mk:Cyrl mlg mg:Latn
plt mg:Latn mlt mt:Latn mon mn:Cyrl khk mn:Cyrl mri mi:Latn msa ms:Latn zsm ms:Latn mya my:Mymr
nep ne:Deva npi ne:Deva nld nl:Latn nno nn:Latn nob nb:Latn nor no:Latn nya ny:Latn ori or:Orya
ory or:Orya orm om:Latn gaz om:Latn pan pa:Guru pol pl:Latn por pt:Latn pus ps:Arab pbt ps:Arab
ron ro:Latn rus ru:Cyrl san sa:Deva sin si:Sinh slk sk:Latn slv sl:Latn sna sn:Latn snd sd:Arab
som so:Latn sot st:Latn spa es:Latn sqi sq:Latn als sq:Latn srp sr:Cyrl ssw ss:Latn sun su:Latn
swa sw:Latn swh sw:Latn swe sv:Latn tam ta:Taml tel te:Telu tgk tg:Cyrl tgl tl:Latn tha th:Thai
tir ti:Ethi tsn tn:Latn tso ts:Latn tur tr:Latn uig ug:Arab ukr uk:Cyrl urd ur:Arab uzb uz:Latn
uzn uz:Latn vie vi:Latn wol wo:Latn xho xh:Latn yid yi:Hebr yor yo:Latn zho zh:Hans zul zu:Latn
"""
_SHORT: dict[str, tuple[str, str]] = {
    three: (two, script) for three, two, script in re.findall(r"(\w+) (\w+):(\w+)", _TABLE)
}
_USUAL_SCRIPT = dict(_SHORT.values())
KNOWN = frozenset(_USUAL_SCRIPT)
"""Two-letter labels that are known languages; other labels are accepted as they are."""
_LABEL = re.compile(r"(?P<language>[a-z]{2,8})(?:-(?P<script>[a-z]{4}))?(?P<rest>(?:-[a-z0-9]{1,8})*)")


def canonical(label: str) -> str:
    """The short form of a language label.

    Args:
        label: `en`, `EN`, `eng`, `eng_Latn`, `zh-Hant`, `pt-BR`, ... A well-formed unknown label is kept.

    Returns:
        The label in BCP-47 order and case, two letters where ISO 639-1 has them, without the language's usual script.

    Raises:
        LanguageError: The label is not of that form.

    Example:
        >>> [canonical(label) for label in ("eng_Latn", "zho_Hans", "zho_Hant", "EN", "pt-br", "arb_Arab", "ceb_Latn")]
        ['en', 'zh', 'zh-Hant', 'en', 'pt-BR', 'ar', 'ceb-Latn']
    """
    match = _LABEL.fullmatch(label.strip().replace("_", "-").lower()) if isinstance(label, str) else None
    if match is None:
        raise LanguageError(f"{label!r} is not a language label; write one like 'en', 'zh-Hant' or 'eng_Latn'")
    language, script = match["language"], (match["script"] or "").title()
    language = _SHORT.get(language, (language, ""))[0]
    if script == _USUAL_SCRIPT.get(language):
        script = ""
    rest = [part.upper() if len(part) == 2 else part for part in match["rest"].split("-")[1:]]
    return "-".join(part for part in (language, script, *rest) if part)


# Of several three-letter codes for a two-letter code, the first in the table is the usual one, except for Chinese.
_LONG = {two: (three, script) for three, (two, script) in reversed(_SHORT.items())} | {"zh": ("zho", "Hans")}


def long_label(label: str) -> str:
    """A canonical label in the form of mteb: ISO 639-3 with a script.

    Example:
        >>> [long_label(label) for label in ("en", "zh", "zh-Hant", "pt-BR")]
        ['eng-Latn', 'zho-Hans', 'zho-Hant', 'por-Latn']

    Raises:
        LanguageError: The language is not in the table, so its script is not known.
    """
    language, *rest = canonical(label).split("-")
    script = next((part for part in rest if len(part) == 4), None)
    if language in _LONG:
        three, usual = _LONG[language]
        return f"{three}-{script or usual}"
    if script is None or len(language) != 3:
        raise LanguageError(f"the script of {label!r} is not known; include it in the label, such as 'ceb-Latn'")
    return f"{language}-{script}"


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
        raise LanguageError(f"{what} has no {', '.join(missing)}; it has {', '.join(available)}")
    if not labels:
        raise LanguageError(f"no language was chosen; {what} has {', '.join(available)}")
    return labels
