"""Estimation: one builder turns a theory and a table of choices into a posterior, or says why it cannot."""

import os

# Read when numba is imported: unoptimised code compiles in a quarter of the time and samples one eighth slower, so that
# a fit of this size is done long before the optimiser would be.
os.environ.setdefault("NUMBA_OPT", "0")
