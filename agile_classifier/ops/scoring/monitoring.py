"""Monitoring: a scored batch, or what was served, against the reference of its version, and that version's training."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

from zenml.client import Client

from agile_classifier.config.ensemble.members import keep_defaults, renew_recorded
from agile_classifier.config.evaluation import MonitoringConfig
from agile_classifier.config.files import parse_config
from agile_classifier.config.reading import ReadingOptions
from agile_classifier.config.run import RunConfig
from agile_classifier.errors import InputError
from agile_classifier.evaluation.drift import Drift, compare
from agile_classifier.evaluation.drift_sample import REFERENCE_FILE, DriftSample
from agile_classifier.evaluation.quality import measure_figures
from agile_classifier.evaluation.reference import embedded
from agile_classifier.evaluation.reports.drift import DriftPage, render, sentence_of
from agile_classifier.models.ensemble.bases import fetch_bases_of
from agile_classifier.ops.registry import versions as registry
from agile_classifier.ops.registry.contents import version_files
from agile_classifier.ops.registry.contents.starts import pin_start
from agile_classifier.ops.registry.versions import find_champion
from agile_classifier.ops.scoring.reading import DEFAULT_COLUMN, Remembered, find_scored
from agile_classifier.ops.scoring.scored_batch import Batch, read_batch, require_scored, scored_version
from agile_classifier.ops.state.home import scratch

ZENML_RUN = "zenml.run"


def place_for_scores(source: Path, options: ReadingOptions) -> Path | None:
    """Path that an unscored file is scored to first; None for a file that `agile score` wrote."""
    if find_scored(source, options) is not None:
        return None
    return scratch() / f"{source.stem}.parquet"


def measure(
    source: Path,
    *,
    named: Path | None = None,
    options: ReadingOptions = ReadingOptions(),
    model_name: str | None,
    settings: MonitoringConfig,
) -> tuple[Drift, str]:
    """Measure the drift of a scored file against its version's reference; returns it with its page.

    Parameters
    ----------
    named : Path, optional
        The file of texts that was scored into `source`, where that is a passing one.
    options : ReadingOptions
        How `source` is read, where that does not show; the version's config names the column of the texts.

    Raises
    ------
    InputError
        No scored file, scored by several versions, a version that is gone or holds no reference, or fewer rows than
        `monitoring.min_rows`.
    """
    name = model_name or find_champion(None).model_name
    version = scored_version(source, options)
    registry.find_version(name, version, is_alias=False)
    files = version_files.read_files(name, version)
    reference = read_reference(files.adapter, name, version)
    remembered = Remembered.of_config(version_files.read_config(name, version), whose=f"{name} version {version}")
    column = options.column or remembered.column or DEFAULT_COLUMN
    batch = read_batch(
        source,
        require_scored(source, options),
        column=column,
        class_names=reference.class_names,
        several=reference.several,
    )
    if batch.sample.n < settings.min_rows:
        raise InputError(
            f"{named or source}: {batch.sample.n} rows; fewer than monitoring.min_rows ({settings.min_rows}) tell "
            "nothing"
        )
    return compare_batch(
        batch, reference, files, name=name, settings=settings, title=(named or source).name, source=str(named or source)
    )


def compare_batch(
    batch: Batch, reference: DriftSample, files: version_files.VersionFiles, *, name: str, settings: MonitoringConfig,
    title: str, source: str,
) -> tuple[Drift, str]:  # fmt: skip
    """Compare a batch with the reference of its version; returns the drift with its page.

    Parameters
    ----------
    name : str
        Name of the model.
    title, source : str
        What the page calls the batch, and where that came from.
    """
    sample = batch.sample
    if batch.texts:  # without any, what only they tell is not measured
        base = files.base or fetch_bases_of(files.adapter)
        sample = embedded(sample, files.adapter, base=base, texts=batch.texts)
    findings = compare(reference, sample, limits=settings.limits)
    page = DriftPage(f"{name} version {batch.version}: {title}", reference, sample, findings, source)
    found = Drift(
        drift=any(finding.level == "drift" for finding in findings),
        sentence=sentence_of(page),
        model_name=name,
        model_version=batch.version,
        source=source,
        n_rows=sample.n,
        n_reference=reference.n,
        findings=tuple(findings),
        expected=()
        if reference.several
        else measure_figures(reference.class_names, judged=None, answered=batch.answered, test={}),
    )
    return found, render(page)


def training_config(model_name: str, version: str) -> RunConfig:
    """Config of the run that made a version, from ZenML or, without its run, from the version.

    Raises
    ------
    InputError
        The version records no config, or one that an older or another pipeline wrote.
    """
    given, own = _run_parameters(model_name, version), version_files.read_config(model_name, version) or {}
    recorded = given or own
    if not recorded:
        raise InputError(f"model {model_name}: version {version} records no config that could be trained again")
    return parse_config(
        {"registry": {"model_name": model_name}, **renew_recorded(keep_defaults(recorded, own))},
        name=f"model {model_name}: config of version {version}",
    )


def config_to_train_again(model_name: str, version: str) -> RunConfig:
    """Config that trains a version again: as `training_config`, from the very start that the version went on from.

    Raises
    ------
    InputError
        As `training_config`; or that start is gone, or holds another adapter by now.
    """
    config = training_config(model_name, version)
    address = config.model.start_from
    starts = () if address is None else version_files.read_spec(model_name, version).starts
    if address is None or not starts:
        return config
    try:
        pinned = pin_start(address, starts[0])
    except InputError as error:
        raise InputError(f"model {model_name}: version {version} cannot be trained again: {error}") from None
    return config.model_copy(update={"model": config.model.model_copy(update={"start_from": pinned})})


def settings_of(
    model_name: str | None, version: str | None, *, on_drift: str | None, on_decay: str | None = None,
    config: RunConfig | None = None,
) -> MonitoringConfig:  # fmt: skip
    """Section `monitoring` of the config or, without one, of the version's run; what is given overrides its fields.

    Where that run is gone, the defaults.
    """
    recorded = config.monitoring.model_dump() if config else _recorded_settings(model_name, version)
    given = {name: word for name, word in (("on_drift", on_drift), ("on_decay", on_decay)) if word is not None}
    for name, word in given.items():
        allowed = get_args(MonitoringConfig.model_fields[name].annotation)
        if word not in allowed:
            raise InputError(f"--{name.replace('_', '-')} {word}: allowed are {', '.join(allowed)}")
    return MonitoringConfig.model_validate({**recorded, **given})


def _recorded_settings(model_name: str | None, version: str | None) -> dict[str, Any]:
    name = model_name or find_champion(None).model_name
    number = version or find_champion(name).version
    return _run_parameters(name, number).get("monitoring") or {}


def read_reference(adapter: Path, name: str, version: str) -> DriftSample:
    """The sample of the test rows that a version holds; raises InputError where it holds none."""
    file = adapter / REFERENCE_FILE
    if not file.is_file():
        raise InputError(
            f"model {name}: version {version} holds no reference to compare with, for it was registered before "
            "references were kept; train it again"
        )
    return DriftSample.load(file)


def _run_parameters(model_name: str, version: str) -> dict[str, Any]:
    run_id = registry.read_tags(model_name, version).get(ZENML_RUN)
    if not run_id:
        return {}
    try:
        run = Client().get_pipeline_run(run_id, allow_name_prefix_match=False)
    except (KeyError, ValueError):
        return {}
    return dict(run.config.parameters or {})
