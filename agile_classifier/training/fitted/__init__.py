"""What an estimator is given and keeps: tables of several labels, the files of an adapter."""
