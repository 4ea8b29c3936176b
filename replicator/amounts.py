"""Numbers as people write them: amounts, dollars and percentages."""

from __future__ import annotations


def format_amount(amount: float) -> str:
    """A number without a needless decimal point: 50.0 -> "50", 2.5 -> "2.5", 0.1 + 0.2 -> "0.3"."""
    return f"{round(amount, 10) + 0.0:.10g}"


def format_money(amount: float) -> str:
    """Dollars, cents only where there are any: 20 -> "$20", 2.5 -> "$2.50", -5 -> "-$5"."""
    size = round(abs(amount), 10)
    sign = "-" if amount < 0 and size > 0 else ""
    if size == round(size):
        return f"{sign}${size:,.0f}"
    if abs(size - round(size, 2)) < 1e-9:
        return f"{sign}${size:,.2f}"
    return f"{sign}${format_amount(size)}"


def format_percent(share: float) -> str:
    """A share of one in per cent: 0.1 -> "10%", 0.125 -> "12.5%"."""
    return f"{format_amount(100 * share)}%"
