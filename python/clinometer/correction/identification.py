"""Languages of queries from their texts, for queries that come without a label.

Only languages to choose from are ever answered, and None where the text does not tell; same text, same answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from importlib import import_module
from typing import Any

from clinometer.errors import LanguageError, MissingExtraError, UsageError
from clinometer.languages import canonical

__all__ = ["Identifier", "identify"]

_CONFIDENCE = 0.5
# Labels that the identifier has under another name; macrolanguages and their standard forms.
_OTHER_NAMES = {"nb": "no", "fil": "tl"}


class Identifier:
    """A function from texts to language labels; make one with `identify`.

    Args:
        model: The identifier of the package py3langid, restricted to the languages.
        labels: Our label for each of the model's.
        confidence: As for `identify`.
    """

    def __init__(self, model: Any, labels: dict[str, str], confidence: float) -> None:
        self._model, self._labels, self.confidence = model, labels, confidence

    @property
    def languages(self) -> tuple[str, ...]:
        """The labels that can be answered."""
        return tuple(self._labels.values())

    def __call__(self, texts: Sequence[str]) -> list[str | None]:
        """The label of each text, None below the confidence."""
        return [self._one(text) for text in texts]

    def _one(self, text: str) -> str | None:
        label, confidence = self._model.classify(text)
        return self._labels[label] if confidence >= self.confidence else None


def identify(languages: Iterable[str], *, confidence: float = _CONFIDENCE) -> Identifier:
    """A function that finds the language of each query, for `CorrectedEncoder(query_languages=...)`.

    It looks at the bytes of one text at a time and chooses among the given languages, so that a text in any other
    language is taken for one of them. The model is that of py3langid (BSD licence, without network).

    Args:
        languages: Labels to choose from: the correction's `query_languages`.
        confidence: Least probability, among these languages, of an answer; from 0 to 1. Below it the answer is None.
            With 0.5 full questions are nearly always told, and a few letters mostly are not.

    Returns:
        A callable from texts to labels.

    Raises:
        MissingExtraError: The extra `langid` is not installed.
        LanguageError: The model does not know a language, or two languages are one to it, such as `zh` and `zh-Hant`.
        UsageError: `confidence` does not lie between 0 and 1.

    Example:
        >>> found = identify(["en", "de", "zh"])
        >>> found(["Where do swifts spend the winter?", "Wo überwintern Mauersegler?", "雨燕在哪里过冬？", "?"])
        ['en', 'de', 'zh', None]
    """
    if isinstance(confidence, bool) or not 0 <= confidence <= 1:
        raise UsageError(f"confidence is {confidence!r}, but must lie between 0 and 1")
    wanted = list(dict.fromkeys(canonical(label) for label in languages))
    if not wanted:
        raise LanguageError("there are no languages to choose from; give the query_languages of the correction")
    try:
        package = import_module("py3langid.langid")
    except ImportError:
        raise MissingExtraError("identifying the language of queries", "langid") from None
    model = package.LanguageIdentifier.from_model_file(package.MODEL_FILE, norm_probs=True)
    known = set(model.labels)
    labels: dict[str, str] = {}
    for label in wanted:
        base = label.partition("-")[0]
        theirs = base if base in known else _OTHER_NAMES.get(base, base)
        if theirs not in known:
            raise LanguageError(
                f"the language of queries in {label} cannot be identified; the identifier knows "
                f"{', '.join(sorted(known - {'zxx'}))}; treat the queries' languages as unknown instead"
            )
        if theirs in labels:
            raise LanguageError(
                f"queries in {labels[theirs]} and in {label} cannot be told apart by the identifier; "
                "treat the queries' languages as unknown instead"
            )
        labels[theirs] = label
    model.set_languages(list(labels))
    return Identifier(model, labels, confidence)
