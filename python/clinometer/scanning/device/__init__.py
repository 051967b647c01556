"""A pass of a scan on a device of torch: products there, doubts settled by the canonical chain, the bits of the core.

A product in float32, TF32 or bfloat16 has a certified bound on its distance from the canonical score. Only scores that
lie within it of a relevant document's, or of the k-th best, need their canonical score; all others are decided.
"""
