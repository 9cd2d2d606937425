"""What a run of a pipeline needs: caching, checkpoints, links, liveness, outcomes, errors."""
