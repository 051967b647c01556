"""How does the lean grow with the pool, and what do uneven pools do to it?"""
