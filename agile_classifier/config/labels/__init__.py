"""Rules of labels: what a config says of several labels of one text, and what each must keep."""
