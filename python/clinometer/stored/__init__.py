"""Stored embeddings at work: scanned by ids, evaluated in place of an encoder, remedied as they are read.

`clinometer.store` keeps them; nothing here writes to a store.
"""
