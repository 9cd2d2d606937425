"""Metrics of the scoring server, in Prometheus' text format."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

CONTENT_TYPE = CONTENT_TYPE_LATEST
SECONDS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60)
SCORING_PATHS = frozenset({"/invocations", "/v1/moderations", "/v1alpha1/comments:analyze"})
"""Paths that texts to score are posted to."""
ROWS = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class ServingMetrics:
    """Counted by one server; a registry of its own, so that two servers in a process do not meet."""

    def __init__(self) -> None:
        registry = self.registry = CollectorRegistry()
        self.requests = Counter("agile_serving_requests", "Requests answered.", ["path", "status"], registry=registry)
        self.seconds = Histogram(
            "agile_serving_request_seconds",
            "Seconds from a request's first byte to its answer, for requests with texts to score.",
            buckets=SECONDS,
            registry=registry,
        )
        self.rows = Counter("agile_serving_rows", "Texts scored.", registry=registry)
        self.batch_rows = Histogram(
            "agile_serving_batch_rows", "Texts scored together.", buckets=ROWS, registry=registry
        )
        self.in_flight = Gauge("agile_serving_in_flight", "Requests with a body under way.", registry=registry)
        self.waiting_rows = Gauge("agile_serving_waiting_rows", "Texts that wait.", registry=registry)
        self.refused = Counter("agile_serving_refused", "Requests refused, by error code.", ["code"], registry=registry)
        self.model = Info("agile_serving_model", "The version that answers.", ["model"], registry=registry)
        self.model_rows = Counter("agile_serving_model_rows", "Texts scored, by model.", ["model"], registry=registry)
        self.swaps = Counter("agile_serving_swaps", "New versions taken over, or not.", ["result"], registry=registry)
        for result in ("taken over", "unreadable"):
            self.swaps.labels(result)
        self.verdicts = Counter("agile_serving_verdicts", "Verdicts received.", ["result"], registry=registry)
        for result in ("stored", "refused"):
            self.verdicts.labels(result)
        self.logged = Counter(
            "agile_serving_predictions_logged", "Predictions written to the store, or lost.", ["result"],
            registry=registry,
        )  # fmt: skip
        for result in ("stored", "lost"):
            self.logged.labels(result)
        self.shadow = Counter(
            "agile_serving_shadow_texts",
            "Texts in the shadow, by model and by what became of them.",
            ["model", "result"],
            registry=registry,
        )

    def observe(self, path: str, status: int, seconds: float, error_code: str | None) -> None:
        """Count an answer."""
        self.requests.labels(path, status).inc()
        if error_code is not None:
            self.refused.labels(error_code).inc()
        if path in SCORING_PATHS:
            self.seconds.observe(seconds)

    def page(self) -> bytes:
        """Text of the page `/metrics`, in Prometheus' format."""
        return generate_latest(self.registry)
