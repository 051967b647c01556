"""Measurements behind the README and the documentation, a folder for each topic.

Everything is a module, run from the root of the checkout: `python -m studies.TOPIC.MODULE --help`. What measures
writes to `results/`, and what is called `page` draws a page of the documentation from there, without measuring again.
"""
