"""Estimation: one builder turns a theory and a table of choices into a posterior, or says why it cannot."""
