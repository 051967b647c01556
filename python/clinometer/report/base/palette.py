"""The colours of reports by their meaning, each for light and for dark: one colour means one thing.

Orange is the pivot language: its documents in the way, and the lean towards it. Blue is the language of the query, or
the other language of the pool. Green is an answer. Whose queries a mark shows is told by ink and shape alone.
"""

from __future__ import annotations

__all__ = [
    "ANSWER",
    "BETTER",
    "DUPLICATE",
    "ENCODERS",
    "FAINT",
    "HEAT",
    "INK",
    "LINE",
    "NEAR_TIE",
    "ON_PALE",
    "ON_STRONG",
    "OTHER",
    "OWN",
    "OWN_TINT",
    "PALETTE",
    "PAPER",
    "PIVOT",
    "PIVOT_TINT",
    "SOFT",
    "TRANSLATION",
    "WORSE",
    "painted",
    "palette_css",
]

PALETTE = {
    "paper": ("#ffffff", "#11171d"),
    "wash": ("#f4f6f8", "#19212a"),
    "ink": ("#1b2733", "#e4eaf0"),
    "soft": ("#52606d", "#a9b6c2"),
    "line": ("#d9dfe5", "#33404c"),
    "faint": ("#b4bec8", "#566471"),
    "on-strong": ("#fefefe", "#0f151b"),
    "on-pale": ("#1b2732", "#0f151c"),
    "pivot": ("#c2500a", "#ff9d5c"),
    "pivot-tint": ("#fdf1e7", "#2a1f17"),
    "own": ("#0067a5", "#63b3f3"),
    "own-tint": ("#e9f3fa", "#152532"),
    "other": ("#a6427e", "#e58cc0"),
    "answer": ("#00805e", "#3fcb9f"),
    "answer-tint": ("#eaf6f1", "#12271f"),
    "translation": ("#86cdb4", "#a5e3cc"),
    "duplicate": ("#8a6d00", "#cbbf52"),
    "near-tie": ("#5b6875", "#94a3b1"),
    "better": ("#00805f", "#3fcb9e"),
    "worse": ("#b3261e", "#ff6f7d"),
    "heat": ("#60758a", "#8ea6bd"),
    "encoder-1": ("#1b2734", "#e4eaf1"),
    "encoder-2": ("#5146c4", "#aca4ff"),
    "encoder-3": ("#0a7d94", "#4fcbe3"),
    "encoder-4": ("#5f6b00", "#bccb45"),
    "encoder-5": ("#7a4a2b", "#d3a283"),
    "encoder-6": ("#6b7785", "#9fadbb"),
}
"""Name of each colour: its code in light, which no other colour has, and in dark."""

PAPER, INK, SOFT, LINE, FAINT = (PALETTE[name][0] for name in ("paper", "ink", "soft", "line", "faint"))
ON_STRONG, ON_PALE = PALETTE["on-strong"][0], PALETTE["on-pale"][0]
PIVOT, PIVOT_TINT, OWN, OWN_TINT = (PALETTE[name][0] for name in ("pivot", "pivot-tint", "own", "own-tint"))
OTHER, ANSWER, TRANSLATION = (PALETTE[name][0] for name in ("other", "answer", "translation"))
DUPLICATE, NEAR_TIE, HEAT = (PALETTE[name][0] for name in ("duplicate", "near-tie", "heat"))
BETTER, WORSE = PALETTE["better"][0], PALETTE["worse"][0]
ENCODERS = tuple(light for name, (light, _) in PALETTE.items() if name.startswith("encoder-"))

_NAMES = {light: name for name, (light, _) in PALETTE.items()}


def painted(colour: str) -> str:
    """A colour as a page names it, which is light or dark with the page; one outside the palette stays as it is.

    Example:
        >>> painted("#c2500a"), painted("#123456")
        ('var(--pivot,#c2500a)', '#123456')
    """
    return f"var(--{_NAMES[colour]},{colour})" if colour in _NAMES else colour


def palette_css() -> str:
    """The colours as CSS variables: light alone where a browser knows no `light-dark()`, and on paper."""
    light = "".join(f"--{name}:{code};" for name, (code, _) in PALETTE.items())
    both = "".join(f"--{name}:light-dark({code},{dark});" for name, (code, dark) in PALETTE.items())
    return (
        f":root{{color-scheme:light;{light}}}\n"
        f"@supports (color:light-dark(red,red)){{@media screen{{:root{{color-scheme:light dark;{both}}}"
        ":root[data-theme=light]{color-scheme:light}:root[data-theme=dark]{color-scheme:dark}}}"
    )
