"""Whether stored documents and stored queries belong together."""

from __future__ import annotations

from clinometer.encoders.base import EncoderRecord

__all__ = ["mixed_encoders"]


def mixed_encoders(documents: EncoderRecord, queries: EncoderRecord) -> list[str]:
    """A warning if documents and queries were not encoded in one way, prompts aside.

    Example:
        >>> one, other = (EncoderRecord(name=name, kind="http") for name in ("a", "b"))
        >>> mixed_encoders(one, one), mixed_encoders(one, other)
        ([], ["documents and queries were encoded differently (name: 'a' and 'b'); scores mean little unless ..."])
    """
    fields = ("name", "kind", "revision", "remedies")
    pairs = [(name, getattr(documents, name), getattr(queries, name)) for name in fields]
    differing = [f"{name}: {one!r} and {other!r}" for name, one, other in pairs if one != other]
    if not differing:
        return []
    return [
        f"documents and queries were encoded differently ({'; '.join(differing)}); scores mean little unless the "
        "encoders belong together"
    ]
