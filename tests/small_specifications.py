"""Small valid specifications, for tests that break them."""

from __future__ import annotations

from typing import Any

Spec = dict[str, Any]


def lotteries() -> Spec:
    """A small valid choice experiment that uses most of the format."""
    return {
        "name": "small-lotteries",
        "title": "Small lotteries",
        "family": "risky-choice",
        "version": 1,
        "citation": {"authors": "Someone, A.", "year": 2002, "doi": "10.1257/000282802762024700"},
        "factors": {
            "stakes": {"levels": [1, 20], "default": [1], "role": "treatment", "assignment": "within"},
            "frame": {"levels": ["gain", "plain"]},
        },
        "items": [{"id": "low", "p": 0.25, "prize": 4}, {"id": "high", "p": 0.75, "prize": 3}],
        "options": {
            "safe": {"outcomes": [{"amount": "stakes"}], "text": "{{ stakes | money }} for sure"},
            "risky": {
                "outcomes": [
                    {"probability": "p", "amount": "prize * stakes"},
                    {"probability": "1 - p", "amount": 0},
                ]
            },
        },
        "unit": "USD",
        "prompt": {"wordings": {"plain": "{% if frame == 'gain' %}Win. {% endif %}{{ options }}\nSay {{ labels }}."}},
        "response": {"type": "choice"},
        "presentation": {"order": "all", "labels": [["A", "B"], ["1", "2"]], "layout": ["single"]},
        "checks": [
            {"id": "sure", "kind": "dominated", "variables": {"p": 0, "prize": 1}, "correct": "safe"},
            {
                "id": "prize",
                "kind": "read-back",
                "variables": {"p": 0.5, "prize": 9},
                "question": "What is the prize?\n{{ options }}",
                "options": {"nine": "{{ prize | money }}", "two": "$2"},
                "correct": "nine",
            },
        ],
        "analysis": {
            "primary": {"theory": "crra", "noise": "contextual", "parameter": "risk_aversion", "rope": 0.1},
            "also": [{"theory": "crra", "noise": "logit", "parameter": "risk_aversion"}],
            "exclusions": ["invalid answers"],
        },
        "humans": ["hl_safe_meta"],
    }


def gifts() -> Spec:
    """A small valid experiment about amounts."""
    return {
        "name": "gifts",
        "title": "Gifts",
        "family": "social-preference",
        "version": 2,
        "citation": {"authors": "Someone, A.", "year": 1994},
        "factors": {"endowment": {"levels": [10, 100], "default": [100]}},
        "items": [{"id": "split"}],
        "options": {
            "give": {
                "outcomes": [
                    {"amount": "endowment - answer"},
                    {"amount": "answer", "to": "other", "delay": 7},
                ]
            }
        },
        "unit": "USD",
        "prompt": {"wordings": {"plain": "Give {{ minimum }} to {{ maximum }} of {{ endowment | money }}."}},
        "response": {"type": "amount", "min": 0, "max": "endowment", "step": 1},
        "analysis": {"primary": {"theory": "giving", "noise": "none", "parameter": "mean_share"}},
    }
