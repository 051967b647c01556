"""The collection that is worked out by hand, and its encoder."""

from __future__ import annotations

import pytest
from support.hand_worked import RANKINGS, Told, encoder_of, three_topics

from clinometer import Collection


@pytest.fixture
def collection() -> Collection:
    return three_topics()


@pytest.fixture
def encoder() -> Told:
    return encoder_of(RANKINGS)
