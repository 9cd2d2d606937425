"""Every version is a function of Spark: a real local Spark answers as the version itself, in columns of a struct.

`make test-spark` brings PySpark; Java is this machine's.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from agile_classifier.metrics.bands import Bands, Promise
from agile_classifier.models.spec import EXACT
from tests.toys.toy_version import DECISION, register_version

pytestmark = [pytest.mark.spark, pytest.mark.timeout(1200)]

N_ROWS = 300


@pytest.fixture(scope="module")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Spark on two cores of this machine, with no page and no neighbour."""
    pyspark_sql = pytest.importorskip("pyspark.sql", reason="no PySpark: make test-spark brings it")
    os.environ.update(PYSPARK_PYTHON=sys.executable, PYSPARK_DRIVER_PYTHON=sys.executable)
    settings = {
        "spark.master": "local[2]", "spark.ui.enabled": "false", "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1", "spark.sql.shuffle.partitions": "2",
        "spark.sql.warehouse.dir": str(tmp_path_factory.mktemp("warehouse")),
    }  # fmt: skip
    builder = pyspark_sql.SparkSession.builder
    for name, value in settings.items():
        builder = builder.config(name, value)
    session = builder.getOrCreate()
    yield session
    session.stop()


@pytest.fixture(scope="module")
def texts(tiny_examples: pd.DataFrame) -> pd.DataFrame:
    """Texts that all differ, with their numbers."""
    rows = pd.concat([tiny_examples.assign(text=tiny_examples["text"] + f" day {n} ünï") for n in range(3)])[:N_ROWS]
    return rows[["text"]].assign(row=range(N_ROWS))


@pytest.mark.parametrize(
    ("with_base", "n_parts", "batch_rows", "tolerance"), [(False, 1, 10_000, 1e-5), (True, 3, 64, EXACT)]
)
def test_a_version_answers_in_spark_as_a_scored_file_has_it(
    versions: str, registry: str, adapter: Path, base: Path, spark: Any, texts: pd.DataFrame, tmp_path: Path,
    with_base: bool, n_parts: int, batch_rows: int, tolerance: float,
) -> None:  # fmt: skip
    """By reference to its base model, in the very batch of a file; with it inside, in other batches."""
    import mlflow

    from agile_classifier.ops.registry.scorer import Scorer
    from agile_classifier.ops.scoring.batch import score_file

    said = np.sort(Scorer(versions, "1")(list(texts["text"]))["probability_praise"])
    gap = int(np.argmax(np.diff(said)))  # a threshold that no rounding of another batch can cross
    decision = DECISION.model_copy(update={"decision_threshold": float(said[gap : gap + 2].mean())})
    number = register_version(adapter, registry, base=base if with_base else None, decision=decision)
    spark.conf.set("spark.sql.execution.arrow.maxRecordsPerBatch", str(batch_rows))
    for part, rows in enumerate(np.array_split(np.arange(N_ROWS), n_parts)):
        texts.iloc[rows].to_parquet(tmp_path / f"part-{part}.parquet", index=False)
    answer = mlflow.pyfunc.spark_udf(spark, f"models:/{versions}/{number}", env_manager="local")
    read = spark.read.parquet(str(tmp_path)).coalesce(n_parts)
    found = read.withColumn("answer", answer("text")).select("row", "text", "answer.*")
    in_spark = found.toPandas().sort_values("row", ignore_index=True)
    columns = list(Scorer(versions, number).columns)
    assert list(in_spark.columns) == ["row", "text", *columns]
    source, output = tmp_path / "texts.csv", tmp_path / "scored.parquet"
    texts.to_csv(source, index=False)
    score_file(source, output=output, model_name=versions, version=number, run_id="run-1")
    in_file = pd.read_parquet(output)
    probabilities = [name for name in columns if name.startswith("probability_")]
    difference = np.abs(in_spark[probabilities] - in_file[probabilities]).to_numpy().max()
    assert difference <= tolerance, "more than rounding in another batch explains"
    assert in_spark["label"].equals(in_file["label"])
    assert in_spark["label"].nunique() == 2


def test_a_version_with_bands_decides_in_spark_too(
    versions: str, registry: str, adapter: Path, base: Path, spark: Any, texts: pd.DataFrame
) -> None:
    import mlflow

    from agile_classifier.ops.registry.scorer import Scorer

    cuts = {side: Promise(level=0.5, cut=cut, n=9, n_wrong=1) for side, cut in (("release", 0.5), ("removal", 0.8))}
    bands = Bands(class_number=1, class_name="praise", confidence=0.9, n_rows=24, n_positive=12, **cuts)
    number = register_version(adapter, registry, base=base, decision=DECISION.model_copy(update={"bands": bands}))
    answer = mlflow.pyfunc.spark_udf(spark, f"models:/{versions}/{number}", env_manager="local")
    rows = spark.createDataFrame([(text,) for text in texts["text"]], "text string").coalesce(1)
    found = rows.select("text", answer("text").alias("answer")).select("text", "answer.*").toPandas()
    alone = Scorer(versions, number)(list(found["text"]))
    assert list(found.columns) == ["text", *alone.columns]
    assert list(found["decision"]) == list(alone["decision"])
    assert set(found["decision"]) == {"release", "review", "remove"}


def test_rows_without_a_text_are_refused_and_the_manual_s_filter_leaves_them_out(versions: str, spark: Any) -> None:
    import mlflow

    answer = mlflow.pyfunc.spark_udf(spark, f"models:/{versions}/2", env_manager="local")
    rows = spark.createDataFrame([("a lovely day",), (None,), ("  ",)], "text string")
    with pytest.raises(Exception, match=re.compile(r"row \d+: the text is", re.DOTALL)):
        rows.withColumn("answer", answer("text")).collect()
    kept = rows.where("trim(text) <> ''").withColumn("answer", answer("text")).select("answer.label").collect()
    assert len(kept) == 1


def test_a_flipped_bit_is_refused_in_spark_by_the_name_of_its_file(
    versions: str, registry: str, adapter: Path, base: Path, spark: Any
) -> None:
    import mlflow

    number = register_version(adapter, registry, base=base)
    place = mlflow.MlflowClient().get_model_version_download_uri(versions, number)
    found = list(Path(mlflow.artifacts.download_artifacts(place)).rglob("adapter_model.safetensors"))
    assert found
    for weights in found:
        content = bytearray(weights.read_bytes())
        content[-1] ^= 1
        weights.write_bytes(content)
    answer = mlflow.pyfunc.spark_udf(spark, f"models:/{versions}/{number}", env_manager="local")
    rows = spark.createDataFrame([("a lovely day",)], "text string")
    with pytest.raises(Exception, match=r"adapter_model\.safetensors"):
        rows.withColumn("answer", answer("text")).collect()
