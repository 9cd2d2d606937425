"""Ensembles: what each member is, costs and says alone."""
