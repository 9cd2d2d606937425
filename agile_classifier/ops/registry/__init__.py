"""Model versions in MLflow: packing, registering, loading, exporting, their history."""
