"""Error analysis: what outranked the answer in the query's language, counted for all queries and shown for the worst.

`clinometer.analyse` runs it alone, `clinometer.evaluate(..., examples=5)` with the measures, from the same scan. The
scan does not know the texts: documents are joined to their texts afterwards, by row.
"""

from clinometer.analysis.categories import CATEGORIES, NEAR_TIE, OVERLAP, Judge
from clinometer.analysis.findings import SHOWN, find
from clinometer.analysis.record import EXAMPLES, Analysis, read_examples, write_examples

__all__ = [
    "CATEGORIES",
    "EXAMPLES",
    "NEAR_TIE",
    "OVERLAP",
    "SHOWN",
    "Analysis",
    "Judge",
    "find",
    "read_examples",
    "write_examples",
]
