"""Which settings should the training recipe have?"""
