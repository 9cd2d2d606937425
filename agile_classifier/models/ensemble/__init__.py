"""Ensembles: several members that answer as one classifier."""
