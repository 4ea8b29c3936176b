"""Calibration at scale: truths drawn from the priors, answered, refitted, counted. `make validate` runs it.

    plan (what is fitted, with its seeds) -> refits (one row a fit and quantity) -> rows on disk -> page

Nothing else of the package reads this.
"""
