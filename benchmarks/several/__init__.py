"""Several models from one process: what ten adapters on one base model cost beside one."""
