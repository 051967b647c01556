"""clinometer: how far a multilingual retriever leans towards one language."""
