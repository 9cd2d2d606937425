"""Errors a person can mend, each with the exit code of the command line."""


class InputError(Exception):
    """The input or the config cannot be used: one line that names file, row, column or field, found and allowed."""

    exit_code = 2


class GateRefused(Exception):
    """A limit or gate that was asked for refused."""

    exit_code = 3
