"""ONNX export: a tuned classifier as one graph with its tokenizer, kept only if it agrees with the original.

The graph holds the adapter merged into the frozen weights as tuning saw them
(`agile_classifier/models/onnx/export.py`), in float32. Of a language model it computes the label tokens' logits alone,
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
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from bitsandbytes.functional import dequantize_4bit, int8_vectorwise_dequant
from bitsandbytes.nn import Linear4bit, Linear8bitLt
from peft.tuners.lora import LoraLayer
from torch import Tensor, nn

from agile_classifier.errors import InputError
from agile_classifier.models.network.fast_lora import ADAPTER, read_weight
from agile_classifier.models.network.heads import READS
from agile_classifier.models.network.network import TextClassifier
from agile_classifier.models.onnx.predictor import INPUTS, MODEL_FILE, OUTPUT, OnnxPredictor
from agile_classifier.models.predictor import Predictor
from agile_classifier.models.spec import MEMBER_FOLDER, SPEC_FILE, TOKENIZER_FOLDER

ATTENTION = "sdpa"
"""Attention of transformers that replaces that of packed prompts in an exported graph."""


class MergedNetwork(nn.Module):
    """Network from token ids to probabilities that holds nothing but float32 weights on the CPU.

    It takes the network's modules over and changes them: the network is of no use afterwards.
    """

    def __init__(self, network: TextClassifier, *, pooling: str) -> None:
        super().__init__()
        self.model, self.head, self.pooling = network.encoder.get_base_model(), network.head, pooling
        _merge(self.model)
        self.model.set_attn_implementation(_choose_attention(self.model))
        self.float().cpu().eval()

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Probabilities (B, n_classes) of texts padded on the right, (B, L) each."""
        read = read_last if self.pooling == "answer" else READS[self.pooling]
        return torch.softmax(self.head(read(self.model, input_ids, attention_mask)), dim=-1)


def read_last(model: Any, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
    """Last hidden state of each prompt's last token, (B, hidden), without packing; the output layer is never run.

    The model gets no mask: what a causal one computes for a token never rests on the padding behind it.
    """
    hidden = model.base_model(input_ids=input_ids, use_cache=False).last_hidden_state  # (B, L, hidden)
    last: Tensor = hidden[torch.arange(hidden.shape[0]), attention_mask.sum(1) - 1]
    return last


@torch.no_grad()
def _merge(model: nn.Module) -> None:
    """Replace every layer that is adapted or quantized by a plain one."""
    for name, layer in list(model.named_modules()):
        if isinstance(layer, LoraLayer):
            base = layer.get_base_layer()
            if ADAPTER not in layer.lora_A:
                raise InputError(
                    f"export: {name} is adapted as {type(base).__name__}; linear layers alone can be merged"
                )
            _replace(model, name, weight=_read_frozen(layer) + _read_update(layer), bias=base.bias)
    for name, layer in list(model.named_modules()):
        if isinstance(layer, (Linear4bit, Linear8bitLt)):
            _replace(model, name, weight=_dequantize(layer), bias=layer.bias)


def _read_frozen(layer: Any) -> Tensor:
    base = layer.get_base_layer()
    weight: Tensor = _dequantize(base) if isinstance(base, Linear8bitLt) else read_weight(layer)().float()
    return weight


def _read_update(layer: Any) -> Tensor:
    update = layer.lora_B[ADAPTER].weight.float() @ layer.lora_A[ADAPTER].weight.float()  # (out, in)
    scaled: Tensor = update * layer.scaling[ADAPTER]
    return scaled


def _dequantize(layer: Any) -> Tensor:
    if isinstance(layer, Linear4bit):
        weight: Tensor = dequantize_4bit(layer.weight.data, layer.weight.quant_state)
        return weight.float()
    scales = layer.weight.SCB if layer.state.SCB is None else layer.state.SCB
    stored = layer.weight.data if layer.state.CB is None else layer.state.CB
    dequantized: Tensor = int8_vectorwise_dequant(stored, scales.to(stored.device))
    return dequantized.float()


def _replace(model: nn.Module, name: str, *, weight: Tensor, bias: Tensor | None) -> None:
    parent, _, child = name.rpartition(".")
    plain = nn.Linear(weight.shape[1], weight.shape[0], bias=bias is not None, device="meta")
    plain.weight = nn.Parameter(weight.contiguous(), requires_grad=False)
    if bias is not None:
        plain.bias = nn.Parameter(bias.detach().float(), requires_grad=False)
    setattr(model.get_submodule(parent), child, plain)


def _choose_attention(model: Any) -> str:
    """Choose the attention of an exported model: plain where it is soft-capped (Gemma 2), else SDPA."""
    return ATTENTION if model._supports_sdpa else "eager"


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
    """Largest difference of a probability between the graph and the original."""
    tolerance: float
    n_texts: int
    """Number of compared texts."""
    bytes: int
    """Size of the graph with its weights, in bytes."""
    opset: int


def export_onnx(
    adapter: Path, *, base: Path, output: Path, texts: Sequence[str] = PROBES, tolerance: float | None = None
) -> OnnxExport:
    """Write `model.onnx`, the tokenizer, `classifier.json` and `export.json` into the new folder `output`.

    The graph takes `input_ids` and `attention_mask`, (B, L) each, padded on the right, and gives `probabilities` (B,
    n_classes) in float32.

    Parameters
    ----------
    adapter, base : Path
        As `Predictor.load` takes them.
    texts : sequence of str
        Scored by the original and by the graph.
    tolerance : float, optional
        Largest allowed difference of a probability; by default `ClassifierSpec.rounding`: no merged weights can repeat
        the original's.

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
    expected = predictor.score(texts)
    allowed = predictor.spec.rounding if tolerance is None else tolerance
    output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{output.name}-", dir=output.parent) as scratch:
        folder = Path(scratch) / "export"
        folder.mkdir()
        for part in (TOKENIZER_FOLDER, MEMBER_FOLDER):
            if (adapter / part).is_dir():
                shutil.copytree(adapter / part, folder / part)
        shutil.copy2(adapter / SPEC_FILE, folder)
        write_graph(MergedNetwork(predictor.network, pooling=predictor.spec.pooling), folder / MODEL_FILE)
        difference = _check(folder, texts, expected=expected, tolerance=allowed)
        n_bytes = sum(path.stat().st_size for path in folder.glob(f"{MODEL_FILE}*"))
        facts = OnnxExport(difference, allowed, len(texts), n_bytes, OPSET)
        (folder / EXPORT_FILE).write_text(json.dumps(asdict(facts), indent=1) + "\n", encoding="utf-8")
        folder.rename(output)
    return facts


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
