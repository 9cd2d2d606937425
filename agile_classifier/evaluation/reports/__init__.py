"""Pages: the report of an evaluation, of drift, the model card, and their figures."""
