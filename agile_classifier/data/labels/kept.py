"""Kept label threshold: a task keeps its meaning while its examples grow, because the champion's threshold goes on."""

from __future__ import annotations

import pandas as pd
from pydantic import BaseModel, ConfigDict

from agile_classifier.config.data import LabelsConfig
from agile_classifier.data.labels.cut import fit_label_threshold, label_scores


class KeptThreshold(BaseModel):
    """Label threshold of the champion that a run follows, as it was looked up; empty where there is none to keep."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    examples: str = ""
    """SHA-256 of the examples that it was looked up for."""
    version: str | None = None
    """Version that fitted it: the champion, or the one whose threshold the champion has kept."""
    label_threshold: float | None = None
    rule: str | None = None
    """Rule that fitted it (`LabelsConfig.fitted_rule`)."""

    def goes_on(self, labels: LabelsConfig) -> bool:
        """Whether a run of these labels keeps it, rather than fit one anew."""
        return self.label_threshold is not None and not labels.refit and self.rule == labels.fitted_rule


class ThresholdFacts(BaseModel):
    """What became of the champion's label threshold: kept, or fitted anew, and what that changes."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    version: str
    """Version that fitted the champion's label threshold."""
    label_threshold: float
    """The champion's label threshold."""
    fitted: float
    """Label threshold that the rule fits on this run's rows."""
    is_kept: bool
    n_changed: int
    """Examples that are of another class by `fitted` than by `label_threshold`."""
    n_rows: int
    """Examples of this run."""

    @property
    def sentence(self) -> str:
        """Clause that says which label threshold counts, and how many examples the other would put elsewhere."""
        share = f"{self.n_changed} of {self.n_rows} rows"
        if self.is_kept:
            return (
                f"kept from version {self.version}; fitted on these rows it would be {self.fitted:.4g} and change the"
                f" class of {share}"
            )
        had = f"version {self.version} had {self.label_threshold:.4g}"
        return f"fitted anew; {had}, and {share} are of another class now"


def choose_label_threshold(of_fit: pd.Series, labels: LabelsConfig, kept: KeptThreshold | None) -> float:
    """Choose the label threshold: the champion's where it goes on, else the one that the rule fits.

    Parameters
    ----------
    of_fit : Series
        Annotators' scores that a label threshold may be fitted on.
    """
    if kept is not None and kept.label_threshold is not None and kept.goes_on(labels):
        return kept.label_threshold
    return fit_label_threshold(of_fit, labels)


def compare_thresholds(
    score: pd.Series, of_fit: pd.Series, labels: LabelsConfig, kept: KeptThreshold | None
) -> ThresholdFacts | None:
    """Compare the champion's label threshold with the one that the rule fits; None where either is missing.

    Parameters
    ----------
    score : Series of shape (n,)
        Annotators' scores of all examples.
    of_fit : Series
        Those that a label threshold may be fitted on.
    """
    if kept is None or kept.label_threshold is None or kept.version is None or labels.fitted_rule is None:
        return None
    theirs, fitted = kept.label_threshold, fit_label_threshold(of_fit, labels)
    by_theirs, by_fitted = (label_scores(score, label_threshold=cut) for cut in (theirs, fitted))
    return ThresholdFacts(
        version=kept.version,
        label_threshold=theirs,
        fitted=fitted,
        is_kept=kept.goes_on(labels),
        n_changed=int((by_theirs != by_fitted).sum()),
        n_rows=len(score),
    )
