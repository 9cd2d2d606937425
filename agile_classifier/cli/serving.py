"""Commands of a version in service (server, monitor, verdicts), and those that open pages (launcher, dashboards)."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from agile_classifier.cli import scoring
from agile_classifier.environment import MLFLOW_PORT, ZENML_PORT

commands = typer.Typer()


@commands.command(epilog="Example: agile serve --model hate --model insults --port 8000")
def serve(
    model: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Registered model, once for each; needed where there are several."),
    ] = None,
    version: Annotated[
        str | None,
        typer.Option(
            metavar="VERSION_OR_ALIAS",
            help="Version to serve; by default the champion. An alias is followed when it moves, a number stays.",
        ),
    ] = None,
    attribute: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=CLASS", help="Perspective's name of a class, as TOXICITY=hate; once for each."),
    ] = None,
    harmless: Annotated[
        list[str] | None,
        typer.Option(metavar="CLASS", help="Class that OpenAI's interface does not flag; by default class 0 of two."),
    ] = None,
    shadow: Annotated[
        list[str] | None,
        typer.Option(
            metavar="VERSION_OR_ALIAS",
            help="Version that is asked too and not heard, as candidate; MODEL=VERSION where several are served.",
        ),
    ] = None,
    share: Annotated[
        float, typer.Option(min=0.0001, max=1, help="Share of the texts that the shadow is asked, up to 1.")
    ] = 1.0,
    keep_texts: Annotated[
        bool, typer.Option("--keep-texts", help="Keep the texts that the shadow is asked, not their digests alone.")
    ] = False,
    host: Annotated[str, typer.Option(help="Address to listen on; other than loopback needs a token.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0: any free one.")] = 8000,
    token_file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="File that holds the bearer token, in place of AGILE_SERVE_TOKEN."),
    ] = None,
    poll: Annotated[
        float,
        typer.Option(min=0.1, max=86_400, help="Seconds between two looks at where the alias points."),
    ] = 5.0,
    max_rows: Annotated[int, typer.Option(min=1, max=100_000, help="Largest number of texts in one request.")] = 256,
    max_characters: Annotated[
        int, typer.Option(min=1, max=10_000_000, help="Largest number of characters in one text.")
    ] = 10_000,
    max_bytes: Annotated[
        int, typer.Option(min=1, max=1_000_000_000, help="Largest request body, in bytes.")
    ] = 4_000_000,
    max_requests: Annotated[
        int,
        typer.Option(min=1, max=10_000, help="Largest number of requests under way; more are told to come back."),
    ] = 128,
    max_waiting: Annotated[
        int,
        typer.Option(min=1, max=1_000_000, help="Largest number of texts in the queue; more are told to come back."),
    ] = 2_048,
    batch_rows: Annotated[
        int, typer.Option(min=1, max=10_000, help="Largest number of texts, of several requests, scored together.")
    ] = 64,
    prediction_ids: Annotated[
        bool,
        typer.Option(
            "--prediction-ids",
            help="Give each answer a prediction_id, by which verdicts name it, and log it for monitor.",
        ),
    ] = False,
    config: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Config whose section `monitoring` says what is marked and kept; by default that of the version.",
        ),
    ] = None,
) -> None:
    """Answer scoring requests over HTTP with the champion.

    Requests and answers are those of an MLflow scoring server, and of OpenAI's moderations and Perspective's
    comments:analyze. A promotion is followed without a restart.
    """
    from agile_classifier.config.files import load_config
    from agile_classifier.ops.state.home import prepare_state

    monitoring = load_config(config).monitoring if config else None
    prepare_state(least_free=0)
    from agile_classifier.ops.serving import server as serving
    from agile_classifier.ops.serving.apis.classes import ClassNames, read_attributes
    from agile_classifier.ops.serving.several.targets import ModelChoice
    from agile_classifier.ops.serving.shadow.choice import ShadowChoice
    from agile_classifier.ops.serving.texts import ServingLimits

    limits = ServingLimits(
        max_rows=max_rows, max_characters=max_characters, max_bytes=max_bytes, max_requests=max_requests,
        max_waiting=max_waiting, batch_rows=batch_rows,
    )  # fmt: skip
    serving.serve(
        models=ModelChoice(tuple(model or ()), version), host=host, port=port, token_file=token_file, poll_seconds=poll,
        limits=limits, prediction_ids=prediction_ids, monitoring=monitoring,
        names=ClassNames(read_attributes(attribute or ()), tuple(harmless or ())),
        shadows=ShadowChoice(tuple(shadow or ()), share, keep_texts, _differs),
    )  # fmt: skip


def _differs(model_name: str, champion: str, candidate: str) -> str | None:
    """Why a candidate is of another task than a champion; None where it is not."""
    from agile_classifier.ops.promotion.shadow.same_task import differs  # reads versions by a room above the server

    return differs(model_name, champion, candidate)


@commands.command(epilog="Example: agile shadow --model comments")
def shadow(
    model: Annotated[
        str | None, typer.Option(metavar="NAME", help="Registered model; needed where there are several.")
    ] = None,
) -> None:
    """Show what candidates in the shadow of a champion would have changed.

    Texts, those of another class with a 95 % interval, decisions and time, as `agile serve --shadow` has compared them.
    """
    from agile_classifier.ops.state.home import prepare_state

    prepare_state(least_free=0)
    from agile_classifier.ops.feedback.store import open_store
    from agile_classifier.ops.registry import versions as registry
    from agile_classifier.ops.serving.shadow.page import as_lines, read_shadows

    for pair, figures in read_shadows(open_store(), registry.only_model(model)):
        print("\n".join(as_lines(pair, figures)))


@commands.command(epilog="Example: agile monitor scored.csv --on-drift refuse")
def monitor(
    file: Annotated[
        str | None,
        typer.Argument(
            metavar="[FILE_OR_FOLDER]",
            help="File or folder that `agile score` wrote, or a file of texts, which are scored first;"
            " without one, what was served.",
        ),
    ] = None,
    column: scoring.Column = None,
    delimiter: scoring.Delimiter = None,
    encoding: scoring.Encoding = None,
    quoting: scoring.Quoting = None,
    column_names: scoring.ColumnNames = None,
    header: scoring.Header = False,
    escape: scoring.Escape = None,
    sheet: scoring.Sheet = None,
    empty: scoring.Empty = None,
    model: Annotated[
        str | None, typer.Option(metavar="NAME", help="Registered model; needed where several have a champion.")
    ] = None,
    on_drift: Annotated[
        str | None,
        typer.Option(
            metavar="WORD",
            help="What follows from drift: warn, refuse (exit 3) or train; by default as the config says.",
        ),
    ] = None,
    on_decay: Annotated[
        str | None,
        typer.Option(
            metavar="WORD",
            help="What follows where verdicts show less precision or recall: warn or train; by default as the config.",
        ),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Config whose section `monitoring` sets the limits; by default that of the version's own run.",
        ),
    ] = None,
    stack: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Of a folder or prefix, stack that reads it; by default the active one."),
    ] = None,
) -> None:
    """Measure drift from the test rows, and precision and recall.

    Probabilities, classes, lengths and words of the batch are compared with those that the version was evaluated on.
    Precision and recall follow from what people say of its predictions (`agile feedback`).
    """
    from agile_classifier.config.files import load_config
    from agile_classifier.ops.state.home import prepare_state

    loaded = load_config(config) if config else None
    prepare_state()
    from agile_classifier.ops.promotion import runs
    from agile_classifier.ops.runs import outcome
    from agile_classifier.ops.scheduling.runs import note_finding
    from agile_classifier.ops.scoring import drift_response

    options = scoring.read_options(column, delimiter, encoding, quoting, column_names, header, escape, sheet, empty)
    outcome.say_steps()
    seen = drift_response.look(
        file, options=options, model_name=model, on_drift=on_drift, on_decay=on_decay, config=loaded, stack=stack
    )
    print(f"{seen.sentence}\nreport: {seen.report}")
    if seen.quality_report:
        print(f"{seen.quality}\nreport: {seen.quality_report}")
    note_finding("; ".join(filter(None, (seen.sentence, seen.quality))))
    drift_response.respond(seen, runs.train)


@commands.command(epilog="Example: agile feedback judged.csv --person mo --sampling-probability 0.1")
def feedback(
    file: Annotated[
        Path, typer.Argument(help="File with a prediction_id and a verdict a row, as a scored file that was filled in.")
    ],
    verdict_column: Annotated[
        str, typer.Option(metavar="NAME", help="Column of the verdicts; rows without one are left out.")
    ] = "verdict",
    person: Annotated[
        str, typer.Option(metavar="NAME", help="Who gave the verdicts of rows that name nobody in a column person.")
    ] = "",
    sampling_probability: Annotated[
        float | None,
        typer.Option(
            min=1e-9,
            max=1,
            metavar="CHANCE",
            help="Chance with which each prediction was shown, 1 for all; for rows without a sampling_probability.",
        ),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Config whose section `monitoring` says whether texts are kept; by default that of the version.",
        ),
    ] = None,
    column: Annotated[
        str | None, typer.Option(metavar="NAME", help="Column that holds the texts; by default text.")
    ] = None,
    delimiter: scoring.Delimiter = None,
    encoding: scoring.Encoding = None,
    quoting: scoring.Quoting = None,
    sheet: scoring.Sheet = None,
) -> None:
    """Store what people say of predictions.

    All verdicts of the file are stored, or none. `agile monitor` tells precision and recall by them.
    """
    from agile_classifier.config.files import load_config
    from agile_classifier.ops.state.home import prepare_state

    monitoring = load_config(config).monitoring if config else None
    prepare_state(least_free=0)
    from agile_classifier.ops.feedback import verdict_file

    reading = scoring.read_options(column, delimiter, encoding, quoting, None, False, None, sheet, None)
    options = verdict_file.FileOptions(reading, verdict_column, person, sampling_probability)
    print(verdict_file.take_file(file, options, monitoring=monitoring).in_words(file))


@commands.command(epilog="Example: agile ui")
def ui(
    zenml_port: Annotated[
        int, typer.Option(min=1, max=65_535, help="Port of ZenML's dashboard, on this machine.")
    ] = ZENML_PORT,
    mlflow_port: Annotated[
        int, typer.Option(min=1, max=65_535, help="Port of MLflow's page, on this machine.")
    ] = MLFLOW_PORT,
) -> None:
    """Open the dashboards of ZenML and MLflow until Ctrl-C."""
    from agile_classifier.ops.state.home import prepare_state

    prepare_state(least_free=0)
    from agile_classifier.ops.web import ui as pages

    servers = pages.find_servers(zenml_port=zenml_port, mlflow_port=mlflow_port)
    pages.show(servers, say=lambda line: print(line, file=sys.stderr, flush=True))


@commands.command(epilog="Example: agile deploy --port 8240")
def deploy(
    host: Annotated[str, typer.Option(help="Address to listen on; other than loopback needs a token.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65_535, help="Port to listen on; 0: any free one.")] = 8240,
    token_file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="File that holds the access token, in place of AGILE_LAUNCH_TOKEN."),
    ] = None,
    max_upload: Annotated[
        int, typer.Option(min=1, max=1_000_000, help="Largest file that a person may bring, in MB.")
    ] = 500,
) -> None:
    """Serve the launcher, pages for who has no terminal.

    A person brings a file, sees what it is taken for, starts the training on the active stack, follows and stops it,
    reads the report, and asks for promotion.
    """
    from agile_classifier.ops.state.home import prepare_state

    prepare_state()
    from agile_classifier.ops.web import launcher

    launcher.serve(host=host, port=port, token_file=token_file, most_bytes=max_upload * 1_000_000)
