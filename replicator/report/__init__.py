"""From the results of runs to one page that a stranger understands."""
