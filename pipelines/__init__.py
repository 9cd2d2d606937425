"""One DAG a file; each reads as a sentence."""
