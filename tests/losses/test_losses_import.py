"""The losses without torch: `import clinometer` never needs it, and a loss says which extra brings it."""

from __future__ import annotations

import pytest
from support.interpreter import python

import clinometer.losses


def test_nothing_imports_torch_until_a_loss_is_asked_for() -> None:
    code = (
        "import sys, clinometer, clinometer.losses, clinometer.training.data, clinometer.training.translate,"
        " clinometer.training.mining, clinometer.training.batches;"
        "print([name for name in ('torch', 'datasets', 'sentence_transformers') if name in sys.modules])"
    )
    assert python(code) == "[]"


@pytest.mark.parametrize("missing", ["torch", "sentence_transformers"])
def test_a_missing_package_is_named_by_its_extra(missing: str) -> None:
    code = (
        f"import sys; sys.modules['{missing}'] = None\n"
        "from clinometer.errors import MissingExtraError\n"
        "try:\n    from clinometer.losses import CrossLingualAlignmentLoss\n"
        "except MissingExtraError as error:\n    print(error)"
    )
    assert python(code) == (
        "the loss CrossLingualAlignmentLoss needs an optional package: pip install 'clinometer[train]'"
    )


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'NoSuchLoss'"):
        _ = clinometer.losses.NoSuchLoss
    assert set(clinometer.losses.__all__) <= set(dir(clinometer.losses))
