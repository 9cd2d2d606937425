"""The pipeline compiled for Kubeflow, and the tasks that it runs there."""
