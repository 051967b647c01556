"""The report of one or several evaluations: verdict, tables and figures, as a page, Markdown or text."""
