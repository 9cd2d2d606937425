"""What speaks to ZenML, MLflow and the state folder, beyond a single step."""
