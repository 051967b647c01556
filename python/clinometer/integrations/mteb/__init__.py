"""To and from mteb: result files (`results`, `reading`) and, with mteb, tasks (`tasks`) and models (`models`)."""

from __future__ import annotations

from clinometer.integrations.mteb.reading import read_mteb
from clinometer.integrations.mteb.results import to_mteb, write_mteb

__all__ = ["read_mteb", "to_mteb", "write_mteb"]
