"""The pytest plugin: a fixture that evaluates, and a marker whose bounds every evaluation of a test must meet.

pytest loads this at every start, so it lies outside the package and imports it only when a test uses the fixture.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from clinometer import Evaluation

__all__ = ["Bounds", "clinometer"]

_KINDS = {"max": "max", "min": "min", "max_drop": "max-drop", "max_rise": "max-rise"}
_OPTIONS = (*_KINDS, "baseline", "paired", "use_bound")


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker."""
    config.addinivalue_line(
        "markers",
        "clinometer(min=[], max=[], max_drop=[], max_rise=[], baseline=None, paired=False, use_bound=False): "
        "conditions such as 'Complete@10[multi]=80' that whatever the fixture `clinometer` evaluates must meet",
    )


class Bounds:
    """What the fixture `clinometer` gives a test: evaluations that must meet the conditions of its marker.

    Args:
        root: Folder that a relative baseline is in.
        options: Arguments of the marker.
    """

    def __init__(self, root: Path, options: dict[str, Any]) -> None:
        _refuse_unknown(options)
        self._root = root
        self._options = options
        self.checks = 0
        """Number of evaluations that were held against conditions."""

    def evaluate(self, collection: Any, encoder: Any, **options: Any) -> Evaluation:
        """Evaluate as `clinometer.evaluate` does, and fail the test if the marker's conditions do not hold.

        Args:
            collection: Collection, or its source, such as `beir:tests/collection`.
            encoder: Encoder or any other scorer, or its name.
            **options: Options of `clinometer.evaluate`.
        """
        import clinometer as cm

        evaluation = cm.evaluate(collection, encoder, **options)
        if self._options:
            self.check(evaluation)
        return evaluation

    def check(self, results: Any, **options: Any) -> None:
        """Fail the test if results do not meet the conditions of the marker, or these.

        Args:
            results: Evaluation, or the folder of one.
            **options: As of the marker; each takes the place of the marker's.
        """
        from clinometer.comparison.conditions import check_results, read_conditions
        from clinometer.comparison.gate import Gate
        from clinometer.errors import ClinometerError

        _refuse_unknown(options)
        merged = self._options | options
        paired = bool(merged.get("paired"))
        self.checks += 1
        try:
            evaluation, baseline = (
                self._read(source, per_query=paired) for source in (results, merged.get("baseline"))
            )
            conditions = [
                condition
                for name, kind in _KINDS.items()
                for condition in read_conditions(kind, _texts(name, merged.get(name, ())))  # type: ignore[arg-type]
            ]
            verdicts = check_results(
                evaluation, conditions, baseline=baseline, paired=paired, use_bound=bool(merged.get("use_bound"))
            )
        except ClinometerError as error:
            pytest.fail(f"clinometer cannot check: {error}", pytrace=False)
        gate = Gate(evaluation, verdicts, baseline, paired)
        if not gate.holds:
            pytest.fail(f"{gate.title}\n{gate.to_text()}", pytrace=False)

    def _read(self, source: Any, *, per_query: bool) -> Any:
        from clinometer.evaluation.results import Evaluation

        if source is None or isinstance(source, Evaluation):
            return source
        folder = self._root / Path(source).expanduser()
        return Evaluation.from_folder(folder) if per_query else Evaluation.from_json(folder / "results.json")


def _refuse_unknown(options: dict[str, Any]) -> None:
    if unknown := [name for name in options if name not in _OPTIONS]:
        pytest.fail(
            f"the marker clinometer has no {', '.join(unknown)}; expected some of {', '.join(_OPTIONS)}", pytrace=False
        )


def _texts(name: str, conditions: str | Sequence[str]) -> list[str]:
    if isinstance(conditions, str):
        return [conditions]
    if not all(isinstance(condition, str) for condition in conditions):
        pytest.fail(f"{name} of the marker clinometer must be conditions such as 'MaxR=2'", pytrace=False)
    return list(conditions)


@pytest.fixture
def clinometer(request: pytest.FixtureRequest) -> Iterator[Bounds]:
    """Evaluations that must meet the conditions of the test's marker `clinometer`; markers nearer to it win."""
    options: dict[str, Any] = {}
    for marker in reversed(list(request.node.iter_markers("clinometer"))):
        options |= marker.kwargs
        if marker.args:
            pytest.fail("the marker clinometer takes its conditions by name, such as min=['RR=0.5']", pytrace=False)
    bounds = Bounds(request.config.rootpath, options)
    yield bounds
    # A gate that nothing went through would let everything pass.
    if options and not bounds.checks:
        pytest.fail("the test has the marker clinometer and evaluated nothing with the fixture", pytrace=False)
