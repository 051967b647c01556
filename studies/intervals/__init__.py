"""How often intervals hold the true mean: the simulations behind docs/statistics.md."""
