"""Support for a pipeline run: step caching, checkpoints, tracking, links, liveness, its outcome and its errors."""
