"""Behavioural-economics experiments on language models, set beside people with honest uncertainty."""

__version__ = "0.1.0"
