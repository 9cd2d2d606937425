"""Sections of a run that somebody starts from ZenML itself, where nothing of this project has read the config."""

from __future__ import annotations

import click
from pydantic import ValidationError

from agile_classifier.config.run import RunConfig
from agile_classifier.config.section import Section
from agile_classifier.errors import InputError, explain_validation, one_line, redact


class SectionsRefused(InputError, click.ClickException):
    """An InputError that the command line of ZenML tells in one line too, with its exit code."""


def join_sections(**sections: Section) -> RunConfig:
    """Join the sections that a pipeline was given into the config that they are parts of.

    Raises
    ------
    SectionsRefused
        They contradict each other, or one cannot be had without the file that it was written in.
    """
    try:
        return RunConfig.model_validate(sections)
    except ValidationError as error:
        raise SectionsRefused(redact(one_line(explain_validation(error, RunConfig)))) from None
