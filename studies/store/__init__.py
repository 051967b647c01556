"""Do stored embeddings give the same ranks in 16 bits, and the same bytes after a kill?"""
