"""Where conclusions stop: the thresholds that several stages share, in one place. All are the design's own choices."""

VALID_SHARE = 0.8
"""Below this share of valid answers there is no verdict."""

LABEL_MASS = 0.5
"""Below this total probability of the options an answer is excluded: what is left is not an answer (Wang et al. 2024,
arXiv:2402.14499)."""

COMPREHENSION_SHARE = 0.75
"""Below this probability of the right answers to an experiment's comprehension checks there is no verdict: halfway
between guessing one of two options and certainty."""

CONTRACTION = 0.75
"""The least share of prior variance that the data must remove (Schad, Betancourt & Vasishth 2021,
doi:10.1037/met0000275); below it the posterior says little more than the prior."""

WORDINGS = 10
"""Fewer wordings than this and a result is about those wordings (`wording-limited`)."""
