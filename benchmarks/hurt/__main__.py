"""Who is hurt, and who slips through, on public data: groups of people, and HateCheck's functional tests.

    python -m benchmarks.hurt [--only ethos edos hatecheck] [--models NAME …] [--table FILE]

| part | learnt from | held against |
| --- | --- | --- |
| ethos | ETHOS, in five folds | its 998 comments, by English terms and by identity columns |
| edos | 2,000 texts of EDOS | its 4,000 test texts, by English terms |
| hatecheck | the 800 texts of `configs/ethos.yaml` | HateCheck's 3,728 texts, by functional test and by group |

Models: MiniLM tuned as `configs/ethos.yaml` says (of HateCheck alone: it takes minutes), MiniLM frozen with logistic
regression, and TF-IDF with logistic regression. Nothing is chosen by what is measured: the decision threshold is 0.5,
or of EDOS that of the best F1 on its own validation texts.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from agile_classifier.config.fairness.groups import GroupsConfig
from agile_classifier.data.fetch.schemes import fetch_rows
from agile_classifier.data.tables import kept_column, read_table
from agile_classifier.evaluation.bias.figures import GroupReport, measure_groups
from agile_classifier.evaluation.bias.groups import add_groups, read_groups
from agile_classifier.evaluation.bias.terms import ENGLISH, SHIPPED, read_terms
from agile_classifier.evaluation.checks.cases import SuiteCases, list_cases
from agile_classifier.evaluation.checks.outcomes import Outcome, measure_outcomes
from agile_classifier.evaluation.checks.suite import read_suite
from agile_classifier.metrics.bias import AREAS, Area, Figure, measure_share
from agile_classifier.metrics.comparison import Answers
from agile_classifier.metrics.metrics import predict
from benchmarks.hurt.tasks import (
    CHEAP,
    MODELS,
    TARGETS,
    edos_fold,
    ethos_config,
    ethos_fold,
    ethos_folds,
    with_targets,
)
from benchmarks.quality import CONFIGS

HATECHECK = CONFIGS / "checks" / "hatecheck.yaml"
BY_TERMS = GroupsConfig(terms=ENGLISH)
BY_TARGETS = GroupsConfig(columns=TARGETS)
BY_TARGET = GroupsConfig(columns=("target_ident",))
FEWEST_SHOWN = 20
"""Texts of a group below which the table leaves it out."""


def main(arguments: list[str] | None = None) -> int:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=list(PARTS), default=list(PARTS))
    parser.add_argument("--models", nargs="+", choices=list(MODELS), default=list(MODELS))
    parser.add_argument("--table", type=Path)
    given = parser.parse_args(arguments)
    tables = []
    for name in given.only:
        tables.append(PARTS[name](given.models))
        print(tables[-1], flush=True)
    if given.table:
        given.table.write_text("\n\n".join(tables) + "\n", encoding="utf-8")
    return 0


def _on_ethos(models: Sequence[str]) -> str:
    """Groups of ETHOS' comments, each scored by the fold that has not seen it."""
    config, reports, targets = ethos_config(), {}, {}
    folds = ethos_folds(config)
    test = pd.concat([fold.test for fold in folds])
    for name in (name for name in models if name in CHEAP):
        fitted = [MODELS[name](config, fold) for fold in folds]
        scores = [each.score(list(fold.test["text"])) for each, fold in zip(fitted, folds, strict=True)]
        answers = Answers(np.concatenate(scores), fitted[0].threshold)
        reports[name] = _measure(test.reset_index(drop=True), answers, BY_TERMS)
        targets[name] = _measure(with_targets(test), answers, BY_TARGETS)
    tables = _group_table(reports), _group_table(targets)
    return f"## ETHOS, groups by English terms\n\n{tables[0]}\n\n## ETHOS, groups by identity columns\n\n{tables[1]}"


def _on_edos(models: Sequence[str]) -> str:
    """Groups of EDOS' test texts."""
    fold, reports = edos_fold(), {}
    for name in (name for name in models if name in CHEAP):
        fitted = MODELS[name](ethos_config(), fold)
        answers = Answers(fitted.score(list(fold.test["text"])), fitted.threshold)
        reports[name] = _measure(fold.test.reset_index(drop=True), answers, BY_TERMS)
    return f"## EDOS, groups by English terms\n\n{_group_table(reports)}"


def _on_hatecheck(models: Sequence[str]) -> str:
    """HateCheck's functional tests, and the groups that its texts are about."""
    config, cases = ethos_config(), list_cases(read_suite(HATECHECK))
    texts, expected = [case.text for case in cases.cases], np.asarray(cases.expected(("0", "1")))
    fold, examples = ethos_fold(config), _with_targets(cases).assign(label=expected)
    outcomes, reports = {}, {}
    for name in models:
        fitted = MODELS[name](config, fold)
        answers = Answers(fitted.score(texts), fitted.threshold)
        outcomes[name] = measure_outcomes(cases, predict(answers.y_score, answers.threshold) == expected)
        reports[name] = _measure(examples, answers, BY_TARGET)
    tables = _check_table(outcomes), _group_table(reports)
    return f"## HateCheck, functional tests\n\n{tables[0]}\n\n## HateCheck, groups by target\n\n{tables[1]}"


PARTS = {"ethos": _on_ethos, "edos": _on_edos, "hatecheck": _on_hatecheck}


def _measure(examples: pd.DataFrame, answers: Answers, settings: GroupsConfig) -> GroupReport:
    terms = read_terms(SHIPPED[settings.terms]) if settings.terms else None
    return measure_groups(
        read_groups(add_groups(examples, settings, terms)),
        y_true=examples["label"].to_numpy(),
        answers=answers,
        positive=1,
        class_names=("0", "1"),
        n_resamples=1000,
        seed=0,
    )


def _with_targets(cases: SuiteCases) -> pd.DataFrame:
    """The texts of HateCheck with the group that each is about, in the order of the cases."""
    source = cases.suite.cases
    if source is None:
        raise ValueError(f"{HATECHECK}: names no cases")
    with tempfile.TemporaryDirectory() as folder:
        frame = read_table([file.path for file in fetch_rows(source, Path(folder))], source)
    return pd.DataFrame(
        {"text": [case.text for case in cases.cases], kept_column("target_ident"): frame["target_ident"].to_numpy()}
    )


def _group_table(reports: Mapping[str, GroupReport]) -> str:
    lines = [
        "| model | texts that name | n (positive) | subgroup AUC | BPSN AUC | BNSP AUC | false positives"
        " | false negatives |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for model, report in reports.items():
        lines += (f"| {model} | {row}" for row in _group_rows(report))
    return "\n".join(lines)


def _group_rows(report: GroupReport) -> Iterator[str]:
    rates = {"all texts": report.rates, **{group.name: group.rates for group in report.groups}}
    rates["none of the groups"] = report.unnamed
    areas: dict[str, Mapping[str, Area]] = {group.name: group.areas for group in report.groups}
    for name, rate in rates.items():
        if rate.n < FEWEST_SHOWN:
            continue
        cells = [_shown(areas[name][area].area if area in areas.get(name, {}) else None) for area in AREAS]
        if name == "all texts":
            cells[0] = _shown(report.overall)
        errors = [_shown(rate.false_positive), _shown(rate.false_negative)]
        yield f"{name} | {rate.n} ({rate.n_positive}) | {' | '.join([*cells, *errors])} |"
    if not report.means:
        return
    means = " | ".join(_shown(report.means.get(area)) for area in AREAS)
    yield f"generalised mean | | {means} | | |"


def _check_table(outcomes: Mapping[str, Sequence[Outcome]]) -> str:
    lines = [f"| functional test | n | {' | '.join(outcomes)} |", "| --- | --- |" + " --- |" * len(outcomes)]
    lines += (
        f"| {row[0].test} | {row[0].n} | {' | '.join(_shown(found.rate) for found in row)} |"
        for row in zip(*outcomes.values(), strict=True)
    )
    whole = [
        _shown(measure_share(sum(each.passed for each in of), sum(each.n for each in of))) for of in outcomes.values()
    ]
    n = sum(outcome.n for outcome in next(iter(outcomes.values())))
    return "\n".join([*lines, f"| all texts | {n} | {' | '.join(whole)} |"])


def _shown(figure: Figure | None) -> str:
    return "" if figure is None else f"{figure.value:.2f} [{figure.low:.2f}, {figure.high:.2f}]"


if __name__ == "__main__":
    raise SystemExit(main())
