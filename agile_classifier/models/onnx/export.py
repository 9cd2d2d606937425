"""ONNX export: a tuned classifier as one graph with its tokenizer, kept only if it agrees with the original.

The graph holds the adapter merged into the frozen weights as tuning saw them
(`agile_classifier/models/onnx/merging.py`), in float32. Of a language model it computes the label tokens' logits alone,
where the answer would stand.
"""

from __future__ import annotations

import io
import json
import logging
import shutil
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch

from agile_classifier.errors import InputError
from agile_classifier.models.ensemble.bases import Base
from agile_classifier.models.ensemble.members import is_network, list_member_folders
from agile_classifier.models.onnx.merging import MergedNetwork, compute_in_float32
from agile_classifier.models.onnx.predictor import INPUTS, MODEL_FILE, OUTPUT, OnnxPredictor
from agile_classifier.models.predictor import Predictor
from agile_classifier.models.spec import SPEC_FILE, TOKENIZER_FOLDER

EXPORT_FILE = "export.json"
OPSET = 20
MOST_BYTES_IN_GRAPH = 1_500_000_000
"""Largest weights kept inside the graph's file, in bytes, which cannot pass 2 GB; others get a file of their own."""
PROBES = (
    "fine", "What a lovely day, thank you all!", "You are awful, and nobody likes you.", "", " ", "?!",
    "🙂🙃 👍🏽 👩‍👩‍👧",
    "naïve café — “déjà vu”",
    "これは短い文です。", "http://example.org/a?b=c&d=%20 @someone #topic", "LOUD WORDS AND 1,234.56 numbers",
    "line one\nline two\ttabbed",
    "not bad, not bad at all " * 6, "a long complaint about the weather, the food and the service " * 40,
)  # fmt: skip
"""Texts of many kinds and lengths on which graph and original are compared."""


@dataclass(frozen=True)
class OnnxExport:
    """Facts of an export, as `export.json` holds them."""

    largest_difference: float
    """Largest difference of a probability between the graph and the original, computed in float32."""
    tolerance: float
    """Largest difference that is allowed."""
    rounding: float
    """Largest difference of a probability between the original in its own number format and in float32."""
    n_texts: int
    """Number of compared texts."""
    bytes: int
    """Size of the graph with its weights, in bytes."""
    opset: int


def export_onnx(
    adapter: Path, *, base: Base, output: Path, texts: Sequence[str] = PROBES, tolerance: float | None = None
) -> OnnxExport:
    """Write `model.onnx`, the tokenizer, `classifier.json` and `export.json` into the new folder `output`.

    Of an ensemble each network has a graph of its own, below `members/`.

    The graph is compared with the original computed in float32, as the graph itself computes: what bfloat16 rounds in
    the original is no fault of the graph, and is stated apart.

    The graph takes `input_ids` and `attention_mask`, (B, L) each, padded on the right, and gives `probabilities` (B,
    n_classes) in float32.

    Parameters
    ----------
    adapter, base : Path
        As `Predictor.load` takes them.
    texts : sequence of str
        Scored by the original and by the graph.
    tolerance : float, optional
        Largest allowed difference of a probability; by default `ClassifierSpec.rounding` of an original that computes
        in float32: larger where int8 rounds what enters a layer, which no merged weights can repeat.

    Raises
    ------
    InputError
        `output` is there already.
    RuntimeError
        A probability differs by more; nothing is written.
    """
    if output.exists():
        raise InputError(f"export: {output} is there already")
    predictor = Predictor.load(adapter, base=base)
    as_scored = predictor.score(texts)
    networks = _list_networks(adapter, predictor)
    for each in networks.values():
        compute_in_float32(each.network)
    expected = predictor.score(texts)
    exact = [replace(each.spec, compute_dtype="float32").rounding for each in networks.values()]
    allowed = max(exact) if tolerance is None else tolerance
    output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{output.name}-", dir=output.parent) as scratch:
        folder = Path(scratch) / "export"
        folder.mkdir()
        for member in list_member_folders(adapter).values():
            if not is_network(member):
                shutil.copytree(member, folder / member.relative_to(adapter))
        for place, each in networks.items():
            _write_network(each, place, folder / place.relative_to(adapter))
        difference = _check(folder, texts, expected=expected, tolerance=allowed)
        n_bytes = sum(path.stat().st_size for path in folder.rglob(f"{MODEL_FILE}*"))
        rounding = float(np.abs(as_scored - expected).max())
        facts = OnnxExport(difference, allowed, rounding, len(texts), n_bytes, OPSET)
        (folder / EXPORT_FILE).write_text(json.dumps(asdict(facts), indent=1) + "\n", encoding="utf-8")
        folder.rename(output)
    return facts


def _list_networks(adapter: Path, predictor: Predictor) -> dict[Path, Predictor]:
    """Folder → network of each member that is one, the first member's first."""
    members = zip(list_member_folders(adapter).values(), predictor.members, strict=True)
    return {adapter: predictor} | {place: member for place, member in members if isinstance(member, Predictor)}


def _write_network(predictor: Predictor, adapter: Path, folder: Path) -> None:
    """Write the graph, tokenizer and specification of one network."""
    shutil.copytree(adapter / TOKENIZER_FOLDER, folder / TOKENIZER_FOLDER)
    shutil.copy2(adapter / SPEC_FILE, folder)
    write_graph(MergedNetwork(predictor.network, pooling=predictor.spec.pooling), folder / MODEL_FILE)


def write_graph(network: MergedNetwork, path: Path) -> None:
    """Trace a network and write it down, with any number of texts and tokens allowed."""
    texts, tokens = torch.export.Dim("texts"), torch.export.Dim("tokens")
    shapes = {name: {0: texts, 1: tokens} for name in INPUTS}
    mask = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0], [1, 0, 0, 0, 0]])
    example = (mask.clone(), mask)  # one tensor given twice would become one input, and the graph read no token ids
    with _quiet_exporter(), torch.no_grad():
        program = torch.onnx.export(
            network, example, input_names=INPUTS, output_names=[OUTPUT], dynamic_shapes=shapes,
            opset_version=OPSET, dynamo=True, verbose=False,
        )  # fmt: skip
    if program is None:
        raise RuntimeError("ONNX export: torch returned no program")
    n_bytes = sum(tensor.nbytes for tensor in network.state_dict().values())
    program.save(path, external_data=n_bytes > MOST_BYTES_IN_GRAPH)


def _check(folder: Path, texts: Sequence[str], *, expected: np.ndarray, tolerance: float) -> float:
    difference = float(np.abs(OnnxPredictor(folder).score(texts) - expected).max())
    if not difference <= tolerance:  # NaN fails too
        raise RuntimeError(
            f"ONNX export: a probability differs by {difference:.2g} from the original over {len(texts)} texts,"
            f" {tolerance:g} is allowed; nothing was written"
        )
    return difference


@contextmanager
def _quiet_exporter() -> Iterator[None]:
    """Context that hides the exporter's messages about packages that are not installed and names of dimensions."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
