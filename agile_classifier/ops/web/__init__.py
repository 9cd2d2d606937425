"""Pages that a person opens: the launcher, ZenML's dashboard, MLflow's registry."""
