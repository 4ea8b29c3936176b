"""Data that others made, brought in: recorded choices become a run like any other."""
