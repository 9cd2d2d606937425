"""Ticks: what is due is started in processes of their own, at once; silence is noticed."""

from __future__ import annotations

from agile_classifier.ops.engines.stacks import StackFile

HERE = StackFile.model_validate({"name": "local"})
