"""SetFit (Tunstall et al. 2022), by its own trainer: sentence pairs tune the encoder, logistic regression answers.

Its defaults (batches of 16, one epoch, learning rate 2e-5), but for the number of pairs: PAIRS of them at most, since
all pairs of a few hundred texts would take days on a CPU.
"""

import json
import sys
import time
from pathlib import Path

from datasets import Dataset
from setfit import SetFitModel, Trainer, TrainingArguments

PAIRS = 8_000


def main(job: Path, answer: Path) -> None:
    """Read a job, and write what SetFit says; the form is told in agile_classifier.studies.external."""
    told = json.loads(job.read_text(encoding="utf-8"))
    train = told["train"]
    model = SetFitModel.from_pretrained(told["base"])
    model.model_body.max_seq_length = told["max_length"]
    n_iterations = max(1, round(PAIRS / (2 * len(train["text"]))))  # each text stands in so many pairs of either kind
    arguments = TrainingArguments(
        batch_size=16, num_epochs=1, num_iterations=n_iterations, seed=told["seed"], save_strategy="no",
        report_to="none",
    )  # fmt: skip
    before, core = time.monotonic(), time.process_time()
    Trainer(model=model, args=arguments, train_dataset=Dataset.from_dict(train)).train()
    seconds, cpu_seconds = time.monotonic() - before, time.process_time() - core
    said = {
        part: model.predict_proba(told[part]["text"])[:, 1].tolist() if told[part]["text"] else []
        for part in ("validation", "test")
    }
    answer.write_text(json.dumps({**said, "train_seconds": seconds, "cpu_seconds": cpu_seconds}), encoding="utf-8")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
