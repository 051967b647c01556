"""To and from mteb: result files in its format (`results`), and mixed pools as its tasks (`tasks`, needs mteb)."""

from __future__ import annotations

from clinometer.integrations.mteb.results import read_mteb, to_mteb, write_mteb

__all__ = ["read_mteb", "to_mteb", "write_mteb"]
