"""Shared base models: what is frozen lies in memory once, however many classifiers of a process stand on it.

Every classifier gets a tree of modules of its own, into which PEFT puts its adapter; the modules at the tree's ends, in
which the weights are, are the same for all. A tokenizer is shared too, where its files are the same.
"""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable, Hashable
from itertools import chain
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

from transformers import PreTrainedModel, PreTrainedTokenizerBase

from agile_classifier.files import tree_digest
from agile_classifier.models.base_model import LOADERS, load_base_model
from agile_classifier.models.encoding import load_tokenizer

_loading = threading.Lock()
"""Held while something is loaded, so that two threads that want the same load it once."""


class SharedBase:
    """A base model in memory, without an adapter; `key` says from which files and how it was loaded."""

    def __init__(self, key: Hashable, model: PreTrainedModel) -> None:
        self.key, self._model = key, model

    def make_tree(self) -> PreTrainedModel:
        """A copy of the model whose modules can be replaced; weights, and the modules that hold them, are the same."""
        ends = [module for module in self._model.modules() if not any(module.children())]
        shared = chain(ends, self._model.parameters(), self._model.buffers())
        return copy.deepcopy(self._model, {id(each): each for each in shared})


_bases: WeakValueDictionary[Hashable, SharedBase] = WeakValueDictionary()
_tokenizers: WeakValueDictionary[str, PreTrainedTokenizerBase] = WeakValueDictionary()


def share_base_model(folder: Path, *, digest: str, **how: Any) -> SharedBase:
    """The base model of a folder, loaded by whoever asks first, and given up with the last that holds it.

    Parameters
    ----------
    digest : str
        SHA-256 over the folder's files: the same digest, the same model.
    **how
        Arguments of `load_base_model`; raises as it does.
    """
    is_native = how["pooling"] == "native"  # only then the model has a head, and as many outputs as there are classes
    facts = {**how, "pooling": LOADERS[how["pooling"]].__name__, "n_classes": how["n_classes"] if is_native else None}
    key = (digest, *sorted(facts.items()))
    found: SharedBase = _find(_bases, key, lambda: SharedBase(key, load_base_model(folder, **how)))
    return found


def share_tokenizer(folder: Path) -> PreTrainedTokenizerBase:
    """The tokenizer of a folder, in memory once for the same files; raises as `load_tokenizer`."""
    return _find(_tokenizers, tree_digest(folder), lambda: load_tokenizer(folder))


def _find(held: WeakValueDictionary[Any, Any], key: Hashable, load: Callable[[], Any]) -> Any:
    with _loading:
        found = held.get(key)
        if found is None:
            found = held[key] = load()
        return found
