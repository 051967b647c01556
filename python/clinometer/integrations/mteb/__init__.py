"""To and from mteb: its result files (`results`, `reading`), and mixed pools as its tasks (`tasks`, needs mteb)."""

from __future__ import annotations

from clinometer.integrations.mteb.reading import read_mteb
from clinometer.integrations.mteb.results import to_mteb, write_mteb

__all__ = ["read_mteb", "to_mteb", "write_mteb"]
