"""Answers: words that say yes, no or neither, in several languages, as `answers.yaml` beside this module lists them.

One vocabulary for the label rule `any`, for raters, and for `agile init`: what one takes for a yes, no other refuses.
"""

from __future__ import annotations

from pathlib import Path

from agile_classifier.data.scores import MISSING
from agile_classifier.data.text import normalised
from agile_classifier.files import read_yaml

_VOCABULARY = {
    name: frozenset(map(normalised, words.split()))
    for name, words in read_yaml(Path(__file__).with_name("answers.yaml"), what="vocabulary").items()
}
PRESENT = _VOCABULARY["yes"]
"""Words that mean that a kind is present, as `normalised` gives them."""
ABSENT = _VOCABULARY["no"]
"""Words that mean that a kind is absent; an empty cell and an empty list mean the same."""
UNCLEAR = _VOCABULARY["unclear"] | (MISSING - ABSENT - {""})
"""Words that are no name of a kind, since they may say that there is none."""
DENYING = _VOCABULARY["denies"]
"""Words that deny what follows: `not` of `not toxic`."""
