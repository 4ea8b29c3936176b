"""Estimation: one builder turns a theory and a table of choices into a posterior, or says why it cannot."""

import os

# Read when numba is imported: at level 1 fits of this size compile in a third of the time and sample as fast as at 3.
os.environ.setdefault("NUMBA_OPT", "1")
