"""What could have been meant by a name that is not one of the choices, for the end of an error."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from itertools import islice
from pathlib import Path

from clinometer.errors import shortened

__all__ = ["close_names", "did_you_mean", "likeness", "one_of", "question", "sibling"]

_CLOSE, _AS_CLOSE, _LONGEST, _MOST = 0.6, 0.03, 200, 20


def likeness(name: str, other: str) -> float:
    """1 for equal names, 0 for names without a common letter; case, hyphens and underscores do not matter.

    It is twice the number of letters in common, in order, over the number of letters of both (Ratcliff and Obershelp,
    as difflib counts it).

    Example:
        >>> likeness("One_Sided", "one-sided"), round(likeness("mult", "multi"), 2)
        (1.0, 0.89)
    """
    # Imported here, since only an error needs it.
    from difflib import SequenceMatcher

    one, two = (text.lower().replace("_", "-") for text in (name, other))
    return SequenceMatcher(None, one, two).ratio()


def close_names(
    name: object,
    choices: Iterable[str],
    *,
    most: int = 2,
    close: float = _CLOSE,
    like: Callable[[str, str], float] = likeness,
) -> list[str]:
    """The choices that are most like a name, the closest first; empty if none is close, or if it is one of them.

    Args:
        name: What was written.
        choices: What could have been written.
        most: Largest number of names.
        close: Smallest likeness, from 0 to 1.
        like: Likeness of two names, from 0 to 1.

    Example:
        >>> close_names("centre", ["center", "lir", "shift"]), close_names("xyz", ["center", "lir"])
        (['center'], [])
    """
    if not isinstance(name, str) or len(name) > _LONGEST:
        return []
    names = list(dict.fromkeys(choices))
    if name in names:
        return []
    scores = {choice: like(name, choice) for choice in names}
    near = sorted((choice for choice in names if scores[choice] >= close), key=lambda choice: -scores[choice])
    # A name as close as the best is as likely; one further away would only distract.
    return [choice for choice in near if scores[choice] > scores[near[0]] - _AS_CLOSE][:most]


def did_you_mean(names: object, choices: Iterable[str]) -> str:
    """`; did you mean center?` for a name, or several, that are like some of the choices; else empty.

    Example:
        >>> did_you_mean("centre", ["center", "lir", "shift"]), did_you_mean("xyz", ["center", "lir"])
        ('; did you mean center?', '')
        >>> did_you_mean(["mult", "onesided", "x"], ["multi", "one-sided"])
        '; did you mean multi, one-sided?'
    """
    choices = list(choices)
    # What is no list of names may have no end, or be an array of a million rows.
    several = list(islice(names, _MOST)) if isinstance(names, list | tuple | set | frozenset) else [names]
    return question(" or ".join(near) for name in several if (near := close_names(name, choices)))


def one_of(names: object, choices: Iterable[str]) -> str:
    """`one of center, lir`, for `expected ...` or `must be ...`, with the choices that a name is like.

    Example:
        >>> one_of("centre", ["center", "lir"])
        'one of center, lir; did you mean center?'
    """
    choices = list(choices)
    return f"one of {', '.join(choices)}{did_you_mean(names, choices)}"


def question(names: Iterable[str]) -> str:
    """`; did you mean A, B?`, or nothing without names."""
    text = ", ".join(dict.fromkeys(names))
    return f"; did you mean {text}?" if text else ""


def sibling(path: Path) -> str:
    """`; did you mean PATH?` for a path that does not exist, if something next to it has a name like its own.

    The first part that does not exist is the one that is replaced.
    """
    try:
        parent = next(parent for parent in path.parents if parent.is_dir())
        first, *rest = path.relative_to(parent).parts
        names = [entry.name for entry in os.scandir(parent)]
        near = [parent.joinpath(name, *rest) for name in close_names(first, names, close=0.75)]
        return question(shortened(str(candidate)) for candidate in near if candidate.exists())
    except (OSError, ValueError, StopIteration):  # a folder that may not be read, or a name that none can have
        return ""
