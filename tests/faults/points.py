"""Points: every effect of a training, a promotion, a scoring and a study cell, by the scene that reaches it.

A point is a place as `tests.faults.sweep` names it, and perhaps which call of it. What is left out says why.
"""

from __future__ import annotations

import re

from tests.faults.sweep import Place

PACKAGE = "agile_classifier."
POINTS: dict[str, tuple[str, ...]] = {
    "prepare": (
        "ops.state.temporary:use_own_folder rename",
        "steps.training.ingest:ingest log_metadata",
        "steps.training.ingest:ingest store",
        "steps.training.ingest:ingest end",
        "steps.training.validate:validate log_metadata",
        "steps.training.label_and_split:label_and_split log_metadata",
        "steps.training.label_and_split:label_and_split store",
        "ops.runs.tracking:_experiment create_experiment",
    ),
    "fine_tune": (
        "ops.runs.liveness:announced_run open",
        "ops.runs.liveness:announced_run unlink",
        "ops.runs.tracking:training_run start_run",
        "ops.runs.tracking:training_run end_run",
        "ops.runs.tracking:_link log_metadata",
        "ops.runs.outputs:log_data log_input",
        "ops.runs.tracking:log_settings log_params",
        "ops.runs.tracking:log_epoch log_metrics 2",
        "ops.runs.tracking:log_history log_metrics",
        "ops.runs.tracking:log_history set_tags",
        "training.ensemble:train_members rmtree",
        "steps.training.fine_tune:fine_tune log_metadata",
        "steps.training.fine_tune:fine_tune store",
        "steps.training.fine_tune:fine_tune end",
    ),
    "evaluate": (
        "ops.runs.tracking:_tag log_batch",
        "ops.runs.tracking:resumed_run start_run",
        "ops.runs.tracking:resumed_run end_run",
        "ops.runs.tracking:log_evaluation log_metrics",
        "ops.runs.tracking:log_evaluation set_tag",
        "ops.runs.tracking:log_evaluation log_text",
        "ops.runs.tracking:log_evaluation log_artifacts",
        "steps.training.evaluate:evaluate log_metadata",
        "steps.training.evaluate:evaluate store",
        "steps.training.evaluate:evaluate end",
    ),
    "register": (
        "ops.registry.packing:log_classifier log_model",
        "mlflow.models.model:Model.log log_model_artifacts",
        "ops.registry.packing:score_in_fresh_process run",
        "ops.registry.registration:_check_parity log_metric",
        "ops.registry.registration:_log_records log_dict",
        "ops.registry.registration:_log_records log_dict 2",
        "ops.registry.versions:_log_manifest log_model_artifact",
        "ops.registry.versions:create_version create_registered_model",
        "ops.registry.versions:create_version create_model_version",
        "ops.registry.versions:name_candidate set_registered_model_alias",
        "steps.training.register:register log_metadata",
        "steps.training.register:register store",
        "steps.training.register:register end",
    ),
    "take over a version": (
        "ops.registry.versions:tag_version set_model_version_tag",
        "ops.registry.registration:_take_over update_model_version",
    ),
    "take over a logged model": (
        "ops.registry.logged_models:remove delete_logged_model",
        "ops.registry.logged_models:remove rmtree",
    ),
    "settle": (
        "ops.runs.settling:_remove_outputs delete_artifact_version",
        "ops.runs.settling:_remove_outputs rmtree",
        "ops.runs.settling:_fail_open_steps update_run_step",
        "ops.runs.settling:_end update_run",
        "ops.runs.liveness:forget unlink",
    ),
    "settle a training": ("ops.runs.settling:_end_mlflow_runs set_terminated",),
    "promote": (
        "ops.registry.history:_write set_registered_model_tag",
        "ops.registry.history:_write set_registered_model_tag 2",
        "ops.promotion.champions:_finish set_registered_model_alias",
        "ops.registry.history:withdraw delete_registered_model_tag",
        "ops.registry.history_page:publish update_registered_model",
        "ops.registry.versions:update_report log_text",
        "steps.promotion.promote:promote log_metadata",
        "steps.promotion.promote:promote store",
        "steps.promotion.promote:promote end",
        "ops.notifications:send post",
        "ops.runs.outcome:write_report write_whole",
    ),
    "promote by force": (
        "ops.promotion.champions:_set_previous set_registered_model_alias",
    ),
    "roll back": (
        "ops.promotion.champions:_set_previous delete_registered_model_alias",
    ),
    "promote again": (
        "ops.promotion.champions:_tag delete_model_version_tag",
    ),
    "score": (
        "data.row_parts:opened mkdir",
        "data.row_parts:opened write_text",
        "data.row_parts:RowParts.begun_by write_text",
        "data.row_parts:RowParts._write_rows write_text",
        "data.row_parts:_write_lines write_text",
        "data.row_parts:_write replace",
        "data.row_parts:_write replace 4",
        "data.row_parts:RowParts.add write_text",
        "data.row_parts:RowParts.finish replace",
        "data.row_parts:RowParts.finish replace 2",
        "data.row_parts:RowParts.discard unlink",
        "data.row_parts:RowParts.discard rmtree",
        "steps.scoring.score_file:score_file log_metadata",
        "steps.scoring.score_file:score_file store",
        "steps.scoring.score_file:score_file end",
    ),
    "score parts": (
        "children:run_child Popen",
        "data.fetch.places:_put_file copyfile",
        "data.fetch.places:_put_file replace",
        "data.fetch.places:_put_file replace 2",
        "data.fetch.places:Place.write write_whole",
        "data.fetch.places:Place.write write_whole 2",
        "data.fetch.places:Place.remove unlink",
        "data.fetch.places:Place.remove unlink 2",
        "ops.scoring.parts.score:score_part rmtree",
        "ops.scoring.parts.gather:clear rmtree",
        "steps.scoring.score_parts:score_parts end",
        "steps.scoring.gather_parts:gather_parts store",
    ),
    "study": (
        "children:run_child Popen",
        "studies.cells:CellStore.add write_whole",
        "studies.cells:write_cells write_whole",
        "studies.cells:CellStore.fold unlink",
        "steps.study.run_cells:run_cells log_metadata",
        "steps.study.run_cells:run_cells end",
        "steps.study.gather_cells:gather_cells store",
        "studies.report.summary:write_summary write_whole",
        "studies.report.markdown:write_markdown write_whole",
    ),
}  # fmt: skip
"""Scene → its points."""

LEFT_OUT = {
    r"(put|pipe|rm)_file$": "an object, whole or not at all, in the order of files; tests/ops/scoring/parts kills between them",
    r"cli\.(studies|training)|drafts\.|docs|studies\.(search|tune)": "writes one file that a person asked for, or a folder for it",
    r"ops\.(web|serving|scheduling|upkeep)\.": "no training, promotion, scoring or study cell; it has tests of its own",
    r"ops\.engines\.kubeflow|ops\.project": "writes a project or a compiled pipeline, or asks git",
    r"ops\.promotion\.limits\.check_version": "writes one file that a person asked for",
    r"ops\.promotion\.approval": "a person's answer; tests/pipelines/test_promotion.py kills the run that waits for it",
    r"ops\.labelling": "a file each, of a link or of the last training, written whole; tests/ops/labelling",
    r"data\.label_studio": "tasks of a server, which a second push looks for first, and a file of labels; tests/label_studio",
    r"data\.fetch|models\.gguf|data\.formats\.packed": "downloads: a cache by digest, which tests/data/fetch cuts off",
    r"studies\.external": "an environment counts once its mark is there, and a program is asked in a temporary folder; tests/studies",
    r"models\.onnx|ops\.registry\.export": "an export is a copy of a version; it is refused where the place is not empty",
    r"ops\.runs\.checkpoint_store": "checkpoints in a remote store; tests/ops/runs/test_checkpoint_store.py cuts them off",
    r"tracking:_experiment set_experiment_tag": "how a page shows an older experiment; the next training says it where it is missing",
    r"ops\.scoring\.(queue|drift_response)|training\.estimator": "writes one file at the end of a command, or in a notebook",
    r"models\.(classical|decision|digests|network|spec|starts)|data\.duplicates\.learnt|training\.history|ops\.registry\.(packing:_pack|scoring_code)|ops\.runs\.materializers|"
    r"(packing:(log_classifier|score_in_fresh_process)|tracking:log_evaluation) write_": "files in a temporary folder, on their way into a store",
    r"training\.ensemble": "files of an ensemble's members; tests/training/test_ensemble.py kills trainings between them",
    r"training\.checkpoints": "of incomplete checkpoints; tests/training/test_fine_tuning.py kills trainings between them",
    r"(data\.(labels|splits|tables|examples)|studies\.report)\S* (rename|replace)$": "a column is renamed, or a text changed",
    r"ops\.scoring\.parts\.(listing|sample)": "the beginning of a part, or a copy of it, in a temporary folder",
    r"ops\.registry\.signing": "a command of its own, which writes one file beside a version",
    r"ops\.engines\.equal_training": "what the step of an equal training has logged, said once more",
    r"children:_guard": "a watcher, which changes nothing",
    r"ops\.state\.(locks|moving|version)": "a lock, or a state folder that is made or moved; tests/ops/state",
    r"mkdir|ops\.state\.(home|temporary)|files:write_whole|ops\.runs\.liveness:announce_as_dead": "an empty folder, a probe, or a clean-up",
    r"row_parts:.* (write_table|ParquetWriter|copyfileobj|open|unlink)|write_cells write_table": "as with a file of text",
    r"locks:is_locked open|ops\.notifications:_alert": "looks only; or the alerter of a team, told as the webhook is",
    r"ops\.promotion\.lock": "the lock, which tests/ops/promotion breaks",
    r"steps\.(scoring\.(plan|sample|measure|gather|score)_\w+|study\.(gather|plan)_cells|promotion\.(compare|conclude))": "as every other step's facts and outputs",
    r"steps\.training\.(ingest_base_model|ingest_start|keep_threshold|validate|label_and_split|ingest)": "as every other step's facts and outputs",
    r"steps\.study\.run_cells:run_cells store": "as every other step's outputs",
}  # fmt: skip
"""Pattern of places → why they are no points. A point wins over a pattern."""


def place_of(point: str) -> tuple[Place, int]:
    """Place of a point, and which call of it is meant."""
    module, function, effect, call = re.fullmatch(r"(\S+):(\S+) (\S+)(?: (\d+))?", point).groups()  # type: ignore[union-attr]
    ours = module if module.startswith(("steps.", "mlflow.")) else f"{PACKAGE}{module}"
    return Place(ours, function, effect), int(call or 1)


def reason_to_leave_out(place: Place) -> str | None:
    """Why a place is no point; None where nothing says so."""
    return next((reason for pattern, reason in LEFT_OUT.items() if re.search(pattern, str(place))), None)
