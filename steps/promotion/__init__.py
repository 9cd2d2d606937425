"""Steps that move the aliases of a model."""
