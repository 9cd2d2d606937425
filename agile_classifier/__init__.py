"""Agile text classifiers: a few hundred scored texts in; a validated, tuned, evaluated, registered classifier out.

    from agile_classifier import AgileClassifier, load_classifier

What a notebook or a program needs is found here, and imported when it is first asked for: importing the package is
quick. `__init__.pyi` says the same to type checkers.
"""

import logging
from importlib import import_module
from typing import Any

__all__ = ["AgileClassifier", "GateRefused", "InputError", "load_classifier", "load_config"]

_MODULES = {
    "AgileClassifier": "agile_classifier.training.estimator",
    "GateRefused": "agile_classifier.errors",
    "InputError": "agile_classifier.errors",
    "load_classifier": "agile_classifier.ops.registry.loading",
    "load_config": "agile_classifier.config.files",
}
"""Exported name → module that defines it."""

# On a CPU with AVX512-BF16 bitsandbytes 0.50, once imported, complains that it could not fetch a kernel from a hub.
# None is wanted: what is not pinned is not run, and its layers are kept from it (`models/base_model.py`).
logging.getLogger("bitsandbytes.backends.cpu.ops").setLevel(logging.ERROR)


def __getattr__(name: str) -> Any:
    """An exported name, imported at its first use."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_MODULES[name]), name)


def __dir__() -> list[str]:
    """Names that a completion offers."""
    return sorted({*globals(), *__all__})
