"""Languages of queries from their texts, for queries without a language label.

The result is one of the candidate languages, or None if the text does not tell; same text, same result.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from importlib import import_module
from typing import Any

from clinometer.errors import LanguageError, MissingExtraError, UsageError
from clinometer.languages import canonical
from clinometer.parameters import checked

__all__ = ["Identifier", "identify"]

_CONFIDENCE = 0.5
# Labels with another name in the identifier.
_OTHER_NAMES = {"fil": "tl"}


class Identifier:
    """A function from texts to languages; create one with `identify`.

    Args:
        model: The identifier of the package py3langid, restricted to the languages.
        labels: Our label for each label of the model.
        confidence: As for `identify`.
    """

    def __init__(self, model: Any, labels: dict[str, str], confidence: float) -> None:
        self._model, self._labels, self.confidence = model, labels, confidence

    @property
    def languages(self) -> tuple[str, ...]:
        """The candidate languages."""
        return tuple(self._labels.values())

    def __call__(self, texts: Sequence[str]) -> list[str | None]:
        """The language of each text, None below the confidence."""
        return [self._one(text) for text in texts]

    def _one(self, text: str) -> str | None:
        label, confidence = self._model.classify(text)
        return self._labels[label] if confidence >= self.confidence else None


@checked
def identify(languages: Iterable[str], *, confidence: float = _CONFIDENCE) -> Identifier:
    """A function that identifies the language of each query, for `CorrectedEncoder(query_languages=...)`.

    It reads the bytes of one text at a time and chooses among the candidate languages, so that a text in any other
    language is mistaken for one of them. The model is that of py3langid (BSD licence, no network).

    Args:
        languages: Candidate languages: the correction's `query_languages`.
        confidence: Minimum probability, among these languages, of a result; from 0 to 1. Below it the result is None.
            With 0.5 full questions are nearly always identified, and a few letters mostly are not.

    Returns:
        A callable from texts to languages.

    Raises:
        MissingExtraError: The extra `langid` is not installed.
        LanguageError: The model does not support a language, or does not distinguish two, such as `zh` and `zh-Hant`.
        UsageError: `confidence` does not lie between 0 and 1.

    Example:
        >>> identifier = identify(["en", "de", "zh"])
        >>> identifier(["Where do swifts spend the winter?", "Wo überwintern Mauersegler?", "雨燕在哪里过冬？", "?"])
        ['en', 'de', 'zh', None]
    """
    if isinstance(confidence, bool) or not 0 <= confidence <= 1:
        raise UsageError(f"confidence is {confidence!r}, but must lie between 0 and 1")
    candidates = list(dict.fromkeys(canonical(label) for label in languages))
    if not candidates:
        raise LanguageError("no languages to choose from; give the query_languages of the correction")
    try:
        package = import_module("py3langid.langid")
    except ImportError:
        raise MissingExtraError("identifying the language of queries", "langid") from None
    model = package.LanguageIdentifier.from_model_file(package.MODEL_FILE, norm_probs=True)
    supported = set(model.labels)
    labels: dict[str, str] = {}
    for label in candidates:
        base = label.partition("-")[0]
        model_label = base if base in supported else _OTHER_NAMES.get(base, base)
        if model_label not in supported:
            raise LanguageError(
                f"the identifier does not support {label}, only {', '.join(sorted(supported - {'zxx'}))}; treat the "
                "queries' languages as unknown instead"
            )
        if model_label in labels:
            raise LanguageError(
                f"the identifier does not distinguish {labels[model_label]} and {label}; treat the queries' languages "
                "as unknown instead"
            )
        labels[model_label] = label
    model.set_languages(list(labels))
    return Identifier(model, labels, confidence)
