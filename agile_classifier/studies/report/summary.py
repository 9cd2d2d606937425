"""Summary of a study: its table and its HTML page, as files and as artifacts of a run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from agile_classifier.environment import home
from agile_classifier.files import write_whole
from agile_classifier.studies.blend import Result, with_blends
from agile_classifier.studies.cells import CellStore
from agile_classifier.studies.file import Study
from agile_classifier.studies.plan import Plan, plan
from agile_classifier.studies.report import page
from agile_classifier.studies.report.frame import list_results, to_frame, to_table
from agile_classifier.studies.run import Outcome


def write_summary(planned: Plan, *, command: str) -> list[Path]:
    """Write a study's page, as HTML, and its table, as Parquet, into the reports of the state folder.

    Returns
    -------
    list of Path
        Both files; none where no cell is finished.
    """
    frame = to_frame(list_results(planned))
    if frame.empty:
        return []
    folder = home() / "reports"
    folder.mkdir(parents=True, exist_ok=True)
    html, table = (folder / f"study-{planned.file.stem}{ending}" for ending in (".html", ".parquet"))
    write_whole(html, page.render(planned.study, frame, command=command))
    write_whole(table, to_table(frame).to_parquet(index=False))
    return [html, table]


def summarize(
    study: Study, outcomes: Sequence[Outcome], *, file: Path, store: CellStore, command: str
) -> tuple[pd.DataFrame, str]:
    """Table and HTML page of all finished cells of a study where its file is at hand, else of these outcomes."""
    if file.is_file():
        planned = plan(file, store=store)
        study, results = planned.study, list_results(planned)
    else:
        cells = [(outcome.place, outcome.cell) for outcome in outcomes if outcome.cell is not None]
        results = with_blends(study, [Result(place, cell, cell.key, cell.made.commit) for place, cell in cells])
    frame = to_frame(results)
    if frame.empty:
        return pd.DataFrame({"contender": []}), f"<p>No cell of {command} is finished.</p>"
    return to_table(frame), page.render(study, frame, command=command)
