"""Whether this machine can run experiments, and whether a model's answers can be believed."""
