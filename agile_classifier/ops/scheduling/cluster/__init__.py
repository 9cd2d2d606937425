"""Schedules of a cluster: CronJobs that ZenML makes, and what their pods ask before a run."""
