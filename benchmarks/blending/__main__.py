"""What weights could bring a blend at most: each of a study's blends, weighed as its own test rows would have it.

    python -m benchmarks.blending [--study NAME …]

| column | how the members' log odds are added |
| --- | --- |
| mean | alike, as `model.members` ships it |
| one weighting | by the weights that are best on the test rows, the same for every split |
| a weighting each | by the weights that are best on the test rows of each split |

The last two are chosen on the rows that they are judged by. They are no results: no stacking that is learnt elsewhere
can do better with these members, by weights in steps of `STEP` that add up to one. Nothing is trained; the answers are
those that studies have stored. ROC AUC, means over splits, the differences with 95 % intervals that are corrected for
the rows that splits share (Nadeau and Bengio 2003). Exit status 0.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy.special import logit
from sklearn.metrics import roc_auc_score

from agile_classifier.cli.studies import find_store
from agile_classifier.studies.blend import Result
from agile_classifier.studies.plan import Plan, plan
from agile_classifier.studies.report.frame import list_results
from agile_classifier.studies.report.statistics import mean_over_splits
from benchmarks.quality import CONFIGS

Floats = NDArray[np.float64]
STEP = 0.1
SURE = 1e-7
"""Distance from 0 and 1 beyond which a probability is cut off."""
FEWEST_SPLITS = 3


def main(arguments: list[str] | None = None) -> int:
    """Print a table for each study."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--study", nargs="+", default=["ethos", "unfair-tos"], help="shipped studies")
    for name in parser.parse_args(arguments).study:
        file = CONFIGS / "studies" / f"{name}.yaml"
        print(f"| {name}: members | splits | best alone | mean | one weighting - mean | a weighting each - mean |")
        print("| --- " * 6 + "|")
        print(*_lines(plan(file, store=find_store(file, None))), sep="\n", flush=True)
    return 0


def weigh(y_true: Floats, log_odds: Floats, weightings: Floats) -> Floats:
    """ROC AUC of each weighting of the members, of shape (n_weightings,).

    Parameters
    ----------
    log_odds : array of shape (n, n_members)
    weightings : array of shape (n_weightings, n_members)
    """
    return np.array([roc_auc_score(y_true, log_odds @ weights) for weights in weightings])


def list_weightings(n_members: int) -> Floats:
    """All weightings that add up to one, in steps of `STEP`, of shape (n_weightings, n_members)."""
    n_steps = round(1 / STEP)
    parts = product(range(n_steps + 1), repeat=n_members)
    return np.array([each for each in parts if sum(each) == n_steps]) / n_steps


def _lines(planned: Plan) -> Iterator[str]:
    found: dict[tuple[int | None, int], dict[str, list[Result]]] = {}
    for result in list_results(planned):
        here = found.setdefault((result.place.size, result.place.split), {})
        here.setdefault(result.place.contender, []).append(result)
    for contender in planned.study.contenders.values():
        for size in {size: None for size, _ in found}:
            splits = [
                [member for name in contender.blend for member in here[name]]
                for (rows, _), here in found.items()
                if rows == size and contender.blend and all(name in here for name in contender.blend)
            ]
            whole = [members for members in splits if len(members) == max(map(len, splits))]
            if len(whole) >= FEWEST_SPLITS:
                yield _line(f"{' + '.join(contender.blend)}, {size}", whole)


def _line(name: str, splits: Sequence[Sequence[Result]]) -> str:
    weightings = list_weightings(len(splits[0]))
    by_weighting = np.array([_weigh_split(members, weightings) for members in splits])
    alone = by_weighting[:, [int(np.argmax(weights)) for weights in np.eye(len(splits[0])) @ weightings.T]]
    mean = np.array([_weigh_split(members, np.ones((1, len(members)))) for members in splits])[:, 0]
    test_share = len(splits[0][0].trial.y_true) / splits[0][0].trial.n_train
    gains = [by_weighting[:, by_weighting.mean(axis=0).argmax()] - mean, by_weighting.max(axis=1) - mean]
    shown = [mean_over_splits(gain, test_share=test_share) for gain in gains]
    said = " | ".join(f"{gain.mean:+.3f} ± {gain.half:.3f}" for gain in shown)
    return f"| {name} | {len(splits)} | {alone.mean(axis=0).max():.3f} | {mean.mean():.3f} | {said} |"


def _weigh_split(members: Sequence[Result], weightings: Floats) -> Floats:
    scores = np.array([member.trial.y_score for member in members], dtype=np.float64)
    y_true = np.asarray(members[0].trial.y_true, dtype=np.float64)
    return weigh(y_true, logit(np.clip(scores, SURE, 1 - SURE)).T, weightings)


if __name__ == "__main__":
    raise SystemExit(main())
