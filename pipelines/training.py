"""training: a few hundred scored texts in; a registered, perhaps promoted, classifier out.

    zenml pipeline run pipelines.training.training --config configs/quickstart.yaml

runs the same configuration files as `agile train`.
"""

from zenml import pipeline
from zenml.enums import ExecutionMode

from agile_classifier.config.data import DataConfig, LabelsConfig, ValidationConfig
from agile_classifier.config.data_quality import DataQualityConfig
from agile_classifier.config.ensemble.members import count_choices, list_members
from agile_classifier.config.evaluation import EvaluationConfig, MonitoringConfig, PromotionConfig
from agile_classifier.config.moderation.decision import DecisionConfig
from agile_classifier.config.run import CostsConfig, RegistryConfig, ScheduleConfig
from agile_classifier.config.split import SplitConfig
from agile_classifier.config.training import FineTuneConfig, ModelConfig
from agile_classifier.models.ensemble.bases import list_bases, list_pins
from agile_classifier.ops.engines.sections import join_sections
from agile_classifier.ops.notifications import tell_of_cluster_failure
from agile_classifier.ops.state.home import suite_digest
from agile_classifier.ops.state.named_files import list_named_classes, terms_digest
from steps.promotion.promote import promote
from steps.training.evaluate import evaluate
from steps.training.fine_tune import fine_tune as tune
from steps.training.ingest import ingest
from steps.training.ingest_base_model import ingest_base_model
from steps.training.ingest_start import ingest_start
from steps.training.keep_threshold import keep_threshold
from steps.training.label_and_split import label_and_split
from steps.training.register import register
from steps.training.validate import validate


@pipeline(enable_cache=True, execution_mode=ExecutionMode.FAIL_FAST, on_failure=tell_of_cluster_failure)
def training(
    data: DataConfig,
    model: ModelConfig,
    registry: RegistryConfig,
    validation: ValidationConfig = ValidationConfig(),
    labels: LabelsConfig = LabelsConfig(),
    split: SplitConfig = SplitConfig(),
    data_quality: DataQualityConfig = DataQualityConfig(),
    fine_tune: FineTuneConfig = FineTuneConfig(),
    evaluation: EvaluationConfig = EvaluationConfig(),
    decision: DecisionConfig = DecisionConfig(),
    promotion: PromotionConfig = PromotionConfig(),
    costs: CostsConfig = CostsConfig(),
    monitoring: MonitoringConfig = MonitoringConfig(),
    schedule: ScheduleConfig = ScheduleConfig(),
) -> None:
    """The parameters are the sections of RunConfig; a step is given its own section and no other.

    `costs`, `monitoring` and `schedule` are given to none: `fine_tune` reads the first from the run
    (`agile_classifier.ops.runs.tracking.price_per_hour`), a later `agile monitor` the second, `agile deploy` the third.
    """
    config = join_sections(
        data=data, validation=validation, labels=labels, split=split, data_quality=data_quality, model=model,
        fine_tune=fine_tune, evaluation=evaluation, decision=decision, registry=registry, promotion=promotion,
        costs=costs, monitoring=monitoring, schedule=schedule,
    )  # fmt: skip
    name, groups, named_classes = registry.model_name, evaluation.groups, list_named_classes(config)
    read = ingest if data.is_pinned else ingest.with_options(enable_cache=False)
    as_read = data.model_copy(update={"normalize": ()})  # which no row depends on
    raw_examples, _, _ = read(
        as_read,
        config.kept_columns,
        labels.not_rated,
        labels.absent,
        labels.columns,
        name,
        labels.raters,
        labels.repeated,
    )
    members = list_members(model, fine_tune)
    first, *further = list_bases(list_pins(members))
    base_model = ingest_base_model(*first, tuple(map(tuple, further)))
    start = None if model.start_from is None else ingest_start(base_model, model, fine_tune)
    kept = keep_threshold(raw_examples, name, config.recorded)
    suite, least = suite_digest(validation.suite), data_quality.min_agreement
    examples, _ = validate(raw_examples, validation, labels, model.max_length, suite, kept, least)
    train, validation_part, test, labelling, findings = label_and_split(
        examples, labels, split, data_quality, kept, groups, terms_digest(groups), named_classes, start
    )
    adapter, mlflow_run_id = tune(
        train, validation_part, base_model, labelling, model, fine_tune, name, data.normalize, start
    )
    judged, test_scores, _ = evaluate(
        adapter,
        base_model,
        train,
        validation_part,
        test,
        labelling,
        findings,
        mlflow_run_id,
        evaluation,
        name,
        promotion.metric,
        decision,
        count_choices(members),
    )
    model_version = register(
        adapter,
        base_model,
        judged,
        test_scores,
        train,
        validation_part,
        labelling,
        mlflow_run_id,
        registry,
        config.recorded,
    )
    promote(model_version, judged, test_scores, name, promotion)
