"""The evaluator of a training run: measures of mixed-language pools at each step that keeps a checkpoint.

`clinometer.integrations.sentence_transformers` exports it for other training loops.
"""
