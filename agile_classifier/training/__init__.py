"""Fine-tuning: the trainer, sampling, checkpoints, several processes, the scikit-learn estimator."""
