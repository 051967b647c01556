"""Training: parallel texts as columns that the losses take, translated pairs, hard negatives, batches, the run itself.

Importing this package imports neither torch nor datasets; a function that needs them says so.
"""

from __future__ import annotations

from clinometer.training.plan import TrainingPlan
from clinometer.training.run import TrainedModel, train

__all__ = ["TrainedModel", "TrainingPlan", "train"]
