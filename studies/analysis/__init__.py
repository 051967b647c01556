"""How much text do different documents share, and where do near-duplicates begin?"""
