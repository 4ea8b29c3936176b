"""Rationality without a theory: are the answers consistent with any taste at all? Nothing is fitted here.

From the table of choices and its outcomes: dominated options (`dominance`), ordered questions and lists (`ordered`),
transitivity (`transitivity`) and linear budgets (`budgets`), each beside choices at random.
"""
