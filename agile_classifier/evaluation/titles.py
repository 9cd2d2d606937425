"""Titles: how reports, cards and pages of studies call metrics and contenders."""

from __future__ import annotations

from agile_classifier.evaluation.ensemble.figures import MEMBERS

METRICS = {
    "roc_auc": "ROC AUC",
    "pr_auc": "PR AUC",
    "f1": "F1",
    "f1_macro": "F1, macro",
    "f1_micro": "F1, micro",
    "accuracy": "accuracy",
    "precision": "precision",
    "recall": "recall",
    "brier": "Brier",
    "loss": "loss",
}
"""Metric → title."""
CONTENDERS = {
    "candidate": "best checkpoint",
    "last": "last checkpoint",
    **{name: f"{name.replace('_', ' ')} of the ensemble, alone" for name in MEMBERS},
    "majority": "majority class",
    "tfidf": "TF-IDF + logistic regression",
    "tfidf_svm": "TF-IDF + linear SVM",
    "frozen": "frozen base model + logistic regression",
    "untuned": "untuned base model",
}
"""Contender of an evaluation → title."""
