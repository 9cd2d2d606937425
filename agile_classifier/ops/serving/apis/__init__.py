"""Interfaces that people already call: OpenAI's moderations and Perspective's comments:analyze, beside MLflow's."""
