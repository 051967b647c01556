"""Training: parallel texts as columns that the losses take, translated pairs, hard negatives, batches.

Nothing here imports torch or datasets when it is imported; a function that needs them says so.
"""
