"""Data leakage: near duplicates are found, counted where they mislead, and refused past a limit."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from agile_classifier.data.duplicates.copies import find_copies
from agile_classifier.data.leakage import Finding, examine_parts, refuse_leakage
from agile_classifier.errors import GateRefused

LONG = "the quick brown fox jumps over the lazy dog and runs away from the angry bear"
NO_LIMITS = dict.fromkeys(("duplicates", "leaks", "conflicts"))


def frame(*rows: tuple[str, int]) -> pd.DataFrame:
    return pd.DataFrame(
        [{"id": f"r{number}", "text": text, "label": label} for number, (text, label) in enumerate(rows)]
    )


def found(parts: dict[str, pd.DataFrame], **limits: float) -> dict[str, Finding]:
    empty = frame(("x", 0)).iloc[:0]
    findings = examine_parts({"validation": empty, **parts}, similarity=0.8, limits={**NO_LIMITS, **limits})
    return {finding.name: finding for finding in findings}


def test_each_finding_counts_the_texts_it_misleads_about() -> None:
    train = frame((LONG, 0), (LONG.upper(), 0), ("one of its kind", 1))
    test = frame((f"{LONG}!", 1), ("another of another kind", 0))
    findings = found({"train": train, "test": test})
    assert (findings["duplicates"].n, findings["duplicates"].of) == (2, 3)
    assert (findings["leaks"].n, findings["leaks"].of) == (1, 2)
    assert (findings["conflicts"].n, findings["conflicts"].of) == (3, 5)
    pair = findings["leaks"].pairs[0]
    assert (pair["parts"], pair["labels"]) == (["train", "test"], [0, 1])


def test_test_texts_that_chose_the_model_as_validation_leak_too() -> None:
    train, held = frame(("one of its kind", 1)), frame((LONG, 0), ("another of another kind", 0))
    findings = found({"train": train, "validation": held, "test": held[:1]})
    assert (findings["leaks"].n, findings["leaks"].of) == (2, 3)


def test_past_a_limit_the_run_is_refused_with_the_share_the_limit_and_a_pair() -> None:
    parts = {"train": frame((LONG, 0), ("one of its kind", 1)), "test": frame((LONG, 0), ("another text", 1))}
    refuse_leakage(list(found(parts, leaks=0.5).values()))
    with pytest.raises(
        GateRefused,
        match=r"1 of 2 texts of validation and test stand in another part too.*50\.0% \(data_quality\.leaks_limit allows 10\.0%\); first: rows r0 \(train\) and r0 \(test\)",
    ):
        refuse_leakage(list(found(parts, leaks=0.1).values()))


def test_a_crowd_of_copies_is_one_group_with_one_pair_that_are_copies_themselves() -> None:
    crowd = [(f"{LONG} number {number}", number % 2) for number in range(200)]
    findings = found({"train": frame(*crowd, ("one of its kind", 1)), "test": frame(crowd[0], ("another text", 0))})
    assert {name: (finding.n, finding.of, finding.n_groups) for name, finding in findings.items()} == {
        "duplicates": (200, 201, 1), "leaks": (1, 2, 1), "conflicts": (201, 203, 1),
    }  # fmt: skip
    assert [len(finding.pairs) for finding in findings.values()] == [1, 1, 1]
    assert findings["leaks"].pairs[0]["similarity"] == 1.0
    assert findings["conflicts"].pairs[0]["similarity"] >= 0.8


def test_texts_that_only_a_third_one_joins_are_no_pair() -> None:
    """Of a chain the ends are in one group, and each is held against its own neighbours alone."""
    chain = [LONG, f"{LONG} into the woods", f"{LONG} into the woods of the north"]
    findings = found({"train": frame((chain[0], 0), (chain[1], 0)), "test": frame((chain[2], 1), ("another", 0))})
    copies = find_copies(chain, similarity=0.8)
    assert (copies.group.tolist(), copies.pairs.tolist()) == ([0, 0, 0], [[0, 1], [1, 2]])
    assert findings["conflicts"].n == 2
    assert set(findings["conflicts"].pairs[0]["texts"]) == set(chain[1:])


def test_what_ethos_repeats_is_found(ethos_file: Path) -> None:
    comments = list(pd.read_csv(ethos_file, sep=";")["comment"])
    copies = find_copies(comments, similarity=0.8)
    assert len(comments) - copies.text.max() - 1 == 1, "one stands twice, letter by letter"
    assert (len(copies.pairs), copies.group.max() + 1) == (1, 996)
