"""The inside of a scan: arguments are checked, documents become pieces of a pool, each piece is one pass of the core.

`clinometer.scan` is the entry point. Everything here knows vectors, languages and positions, never texts or measures.
"""
