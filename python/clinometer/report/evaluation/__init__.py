"""The report of one evaluation or of several side by side: verdict, tables and figures; a page, Markdown or text."""
