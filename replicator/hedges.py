"""What takes an answer back: denials and suppositions before it; conditions, second thoughts and refusals after it.

The same words deny a choice, an amount, a rating, a division and a forecast, so they stand here once. A refusal
counts only after the answer: "As an AI I have no preferences. I would choose A." is an answer.
"""

from __future__ import annotations

import re

_DENIALS = (
    r"(?:\b(?:not|never|no(?!-)|none|nobody|nothing|nor|neither|without|cannot|hardly|scarcely|barely|unable|impossible"
    r"|(?:ca|do|wo|would|could|should|did|does|is)nt|refus\w+|declin\w+|avoid\w*|doubt\w*|anything but"
    r"|nicht|keine?[nmrs]?|niemals|nie|weder|jamais|aucune?|pas|ne|nunca|jamás|ningun[oa]?|ningún|tampoco|não|nao|nem"
    r"|non(?!-)|mai|nessun\w*|niet|geen|nooit|inte|ikke|не|нет|никогда|ни)\b|n't\b|[不没無无别]|ません|ない)"
)
_DOUBTS = (
    r"(?:\b(?:if|unless|whether|depend(?:s|ing)|maybe|perhaps|possibly|either|both|not sure|unsure|hard to say"
    r"|vielleicht|wenn|falls|entweder|peut-être|si|quizás?|tal vez|depende|dépend|forse|talvez|если|может)\b"
    r"|如果|也许|可能|もし)"
)
_BOUNDS = (
    r"\b(?:between|at least|at most|up to|close to|(?:more|less|fewer|greater|higher|lower|bigger|smaller)"
    r"(?: \w+)? than|than|over|under|above|below|nearly|almost|out of|anywhere|somewhere|something|min(?:imum)?(?: of)"
    r"|max(?:imum)?(?: of)|any|from)\b|[<>≥≤≠]\s*\W{0,2}$"
)
_OTHERS = (
    r"\b(?:(?:most|many|some|other|few) (?:people|players|participants|persons|humans|would|will|might)|people|someone"
    r"|somebody|everyone|everybody|others|humans|participants|a friend|an? (?:human|person|typical|average)(?: \w+)?) "
)

HEDGE = re.compile(rf"{_DENIALS}|{_DOUBTS}", re.IGNORECASE)
"""A word that denies or doubts."""
_BEFORE = re.compile(
    rf"{_DENIALS}|{_OTHERS}|\b(?:if|whether|unless|when|why)\b|\b(?:rather than|instead of)\W*(?:the )?\W*$",
    re.IGNORECASE,
)
_VAGUE = re.compile(rf"{HEDGE.pattern}|{_BOUNDS}", re.IGNORECASE)
_GOES_ON = re.compile(
    r"\s*[-–—/+±×x]\s*[$€£]?\d|\+|,\s+[$€£]?\d+(?!\d|\s?%)|[\s-]*(?:odd|something)\b|,? and [$€£]?\d+(?: \w+)? more\b"
    r"|[\s,(]*(?:(?:or|to|maybe|perhaps|possibly|minus|plus|times|bis|à|ou|o|oder)\b\W*"
    r"(?:maybe |about |even |perhaps )*[$€£]?(?:\d|an? |so\b|more|less|fewer|higher|lower|above|below|over|under|twenty"
    r"|thirty|forty|fifty|sixty|seventy|eighty|ninety)|(?:plus|and (?:up|more|above|over|a half|a quarter|a third)"
    r"|and upwards?|upwards?|onwards?|at (?:the )?(?:least|most)|max(?:imum)?|min(?:imum)?|tops)\b)",
    re.IGNORECASE,
)
_CONDITION = re.compile(
    r"(?:[^\w.;!?\n]+(?!(?:because|since|as|so|which|that|to|and|for)\b)[\w']+){0,4}?"
    r"[^\w.;!?\n]+(?:if|unless|provided|providing|assuming|supposing|as long as|so long as|in case|depending|whenever"
    r"|wenn|falls|sofern|si|se|если)\b",
    re.IGNORECASE,
)
_DENIED_AFTER = re.compile(r"\W{0,3}\b(?<!, )(?:not|nicht|pas|niet|inte|ikke)\b", re.IGNORECASE)
_MIXTURE = re.compile(
    r"\b(?:half|most|some|much|part|\d+ ?%|percent|per cent|third|quarter|majority) ?(?:of )?the time\b|\bsometimes\b"
    r"|\b(?:times|cases|\d+) out of\b|\bout of (?:ten|\d+) (?:times|cases)\b|\bin most cases\b"
    r"|\b(?:flip|flipping|toss|tossing) (?:a|the) coin\b|\botherwise\b"
    r"|\bwith (?:a )?probability (?:of )?[\d.]+%?(?! (?:of|chance|to))",
    re.IGNORECASE,
)
_SECOND_THOUGHT = re.compile(
    r"(?:^|[.;,!?\n—–()-]|…|\b(?:but|and|well|or)\b)\W{0,6}(?:on second thoughts?|on reflection|or rather|no\s*,"
    r"|no \S{1,12}\W{0,3}$|sorry\b|oops|my mistake|I mean(?:t)?\b"
    r"|wait\s*(?:[,.!…—–-]|a (?:second|minute|moment))|actually\W+\w|scratch that|strike that|hm+\b|correction\b"
    r"|never ?mind|(?:I )?take (?:that|it) back|I(?:'ve| have)? changed? my mind|just kidding"
    r"|let me re(?:think|consider))",
    re.IGNORECASE,
)
_DEPENDS = re.compile(
    r"\b(?:it|this|that|(?:my|the) (?:answer|choice|decision))(?: really| all| also)? depends\b", re.I
)
_CHOOSING = (
    r"(?:choose|decide|pick|select|say|tell|answer|respond|commit|play|participate|take part|guess|estimate|rate|judge"
    r"|divide|split|forecast|(?:make|give|offer|provide|state) (?:an?|any|this|that|the|such|you|these)(?: \w+)?"
    r" ?(?:answer|choice|choices|decision|decisions|number|rating|preference|estimate|guess|recommendation|forecast)?)"
)
_LATE_REFUSAL = re.compile(
    r"\bI(?:'m| am)?(?: (?:really|still|also|just|simply|personally|honestly|therefore|truly|however|respectfully|must"
    r"|have to))* (?:"
    r"(?:can ?not|can't|could not|couldn't|will not|won't|do not|don't|shall not|unable to|not able to|not going to"
    r"|refuse to|decline to)(?: (?:really|actually|possibly|honestly|truly|personally|want to|wish to))* "
    rf"{_CHOOSING}(?=\W*(?:$|[.!?;,\n])| (?:between|either|any|one|for (?:sure|certain|you)"
    r"|how|which|with (?:any|certainty))\b)"
    r"|(?:refuse|decline|abstain)\b(?! (?:the|option|lottery|card|any|it|that))"
    r"|(?:don't|do not) know(?=\W*(?:$|[.!?;,\n]))|(?:undecided|torn|indifferent|not sure(?=\W*(?:$|[.!;]))))"
    r"|\bI(?:'d| would) rather not\b(?=\W*(?:$|[.!?;,\n])| (?:say|choose|answer|decide))",
    re.IGNORECASE,
)


def denied(before: str) -> bool:
    """Whether the clause that leads up to an answer denies, supposes, asks, or speaks of others."""
    return bool(_BEFORE.search(re.split(r"[.,;:!?\n]|\bbut\b", before)[-1]))


def exampled(before: str) -> bool:
    """Whether what follows is an example of an answer."""
    return bool(
        re.search(r"(?:like this|for example|for instance|such as|e\.g\.,?|i\.e\. format)\W*$", before, re.IGNORECASE)
    )


def vague(before: str, after: str) -> bool:
    """Whether a number is denied, doubted or but a bound by what stands before it, or goes on as a range after it."""
    return bool(_VAGUE.search(before) or _GOES_ON.match(after))


def unsettled(after: str) -> bool:
    """Whether the sentence that goes on after an answer makes it conditional, one of several, or a question."""
    sentence = re.match(r"(?:[^.!?\n]|\.(?=\d))*[.!?\n]?", after)
    rest = sentence[0] if sentence else ""
    return bool(_DENIED_AFTER.match(rest) or _CONDITION.match(rest) or _MIXTURE.search(rest) or rest.endswith("?"))


def retracted(after: str) -> bool:
    """Whether what follows an answer takes it back: on second thought, or because its writer refuses after all."""
    return bool(_SECOND_THOUGHT.search(after) or _DEPENDS.search(after) or _LATE_REFUSAL.search(after))
