"""Which remedy straightens a retriever, and how far: correction without training, next to trained models."""
