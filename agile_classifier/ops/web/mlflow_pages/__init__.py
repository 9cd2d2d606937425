"""MLflow as `agile ui` serves it: opened on training runs."""
