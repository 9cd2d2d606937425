"""A plain fine-tuning of every weight by transformers' Trainer and its defaults; the epoch of least validation loss."""

import json
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from datasets import Dataset
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    DataCollatorWithPadding,
    Trainer,
    TrainingArguments,
)


def main(job: Path, answer: Path) -> None:
    """Read a job, and write what the model says; the form is told in agile_classifier.studies.external."""
    told = json.loads(job.read_text(encoding="utf-8"))
    tokenizer = AutoTokenizer.from_pretrained(told["base"])
    model = AutoModelForSequenceClassification.from_pretrained(told["base"], num_labels=2)

    def read(part: str) -> Dataset:
        encoded = tokenizer(told[part]["text"], truncation=True, max_length=told["max_length"])
        labels = {"labels": told[part]["label"]} if "label" in told[part] else {}
        return Dataset.from_dict({**encoded, **labels})

    each = "epoch" if told["validation"]["text"] else "no"  # a config may keep no validation
    with tempfile.TemporaryDirectory() as scratch:
        arguments = TrainingArguments(
            output_dir=scratch, seed=told["seed"], report_to="none", save_only_model=True, eval_strategy=each,
            save_strategy=each, load_best_model_at_end=each != "no",
        )  # fmt: skip
        trainer = Trainer(
            model=model, args=arguments, train_dataset=read("train"),
            eval_dataset=read("validation") if each != "no" else None,
            data_collator=DataCollatorWithPadding(tokenizer),
        )  # fmt: skip
        before, core = time.monotonic(), time.process_time()
        trainer.train()
        seconds, cpu_seconds = time.monotonic() - before, time.process_time() - core
    said: dict[str, list[float]] = {"validation": [], "test": []}
    for part in [part for part in said if told[part]["text"]]:
        logits = trainer.predict(read(part)).predictions.astype(np.float64)
        said[part] = (1 / (1 + np.exp(logits[:, 0] - logits[:, 1]))).tolist()
    answer.write_text(json.dumps({**said, "train_seconds": seconds, "cpu_seconds": cpu_seconds}), encoding="utf-8")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
