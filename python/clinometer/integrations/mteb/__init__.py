"""To and from mteb: result files in its format (`results`); with mteb, mixed pools as its tasks (`tasks`), and encoders
of clinometer as its models and the reverse (`models`)."""

from __future__ import annotations

from clinometer.integrations.mteb.results import read_mteb, to_mteb, write_mteb

__all__ = ["read_mteb", "to_mteb", "write_mteb"]
