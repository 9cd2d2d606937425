"""Dialects: how a file that nobody has described is read, with a sentence for each choice and what is in doubt."""

from agile_classifier.data.dialects.cells import is_number
from agile_classifier.data.dialects.detection import ROWS_READ, Detected, detect_dialect
from agile_classifier.data.dialects.encodings import Doubt

__all__ = ["ROWS_READ", "Detected", "Doubt", "detect_dialect", "is_number"]
