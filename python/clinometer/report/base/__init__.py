"""What every page and table of a report is made of: sections, tables, words, drawings, figure files."""
