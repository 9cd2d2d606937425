"""Served models as the routes see them: which there are, what their classes are called, and who answers a text."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from http import HTTPStatus
from typing import Protocol

from agile_classifier.errors import did_you_mean
from agile_classifier.models.spec import PROBABILITY
from agile_classifier.ops.serving.batches import Answer, Batches, Closed, QueueFull
from agile_classifier.ops.serving.refusals import Refusal, busy
from agile_classifier.ops.serving.several.fleet import AskedText
from agile_classifier.ops.serving.texts import ServingLimits


class Service(Protocol):
    """A model in service."""

    @property
    def version(self) -> str:
        """Number of the version that answers."""

    @property
    def columns(self) -> Sequence[str]:
        """Columns of an answer."""

    @property
    def several(self) -> bool:
        """Whether a text may carry several labels: then `label` is a JSON list of names."""


class Served:
    """Models that are served, by their names, and the queue in which texts wait for them."""

    def __init__(self, services: Mapping[str, Service], batches: Batches[AskedText], limits: ServingLimits) -> None:
        self._services, self._batches, self.limits = services, batches, limits

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the models."""
        return tuple(self._services)

    @property
    def waiting_rows(self) -> int:
        """Number of texts that wait."""
        return self._batches.waiting_rows

    def require(self, name: str | None) -> str:
        """Name of the model that a request means: the one that it names, or the only one.

        Raises
        ------
        Refusal
            404: there is no such model; 400: there are several, and none was named. Names those that there are.
        """
        there = ", ".join(self.names)
        if name is None and len(self._services) > 1:
            raise Refusal(HTTPStatus.BAD_REQUEST, f"model: name one of the models that are served here: {there}")
        if name is not None and name not in self._services:
            line = f"model: no {name[:100]!r} is served here; there are: {there}{did_you_mean(name[:100], self.names)}"
            raise Refusal(HTTPStatus.NOT_FOUND, line)
        return next(iter(self._services)) if name is None else name

    def classes(self, name: str) -> tuple[str, ...]:
        """Names of a model's classes, class 0 first."""
        columns = self._services[name].columns
        return tuple(column.removeprefix(PROBABILITY) for column in columns if column.startswith(PROBABILITY))

    def carries_several(self, name: str) -> bool:
        """Whether a text may carry several labels of a model."""
        return self._services[name].several

    async def answer(self, asked: list[AskedText]) -> Answer:
        """Answers to texts, in their order.

        Raises
        ------
        Refusal
            503: the queue is full, the server is stopping, or the answer took too long; 500: the model failed.
        """
        future = self._submit(asked)
        try:
            return await self._wait(future)
        finally:
            future.cancel()

    def _submit(self, asked: list[AskedText]) -> Future[Answer]:
        try:
            return self._batches.submit(asked)
        except QueueFull:
            raise busy(f"{self._batches.waiting_rows} texts wait already") from None
        except Closed:
            raise busy("the server is stopping") from None

    async def _wait(self, future: Future[Answer]) -> Answer:
        answer = asyncio.wrap_future(future)
        await asyncio.wait([answer], timeout=self.limits.seconds_to_answer)
        if not answer.done():
            raise busy("the answer took too long")
        if error := answer.exception():  # its insides go to the log, not to the client
            logging.getLogger(__name__).error("the model failed", exc_info=error)
            raise Refusal(HTTPStatus.INTERNAL_SERVER_ERROR, f"the model failed: {type(error).__name__}")
        return answer.result()
