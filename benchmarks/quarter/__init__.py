"""A simulated quarter: twelve weekly batches of labels, retrained and judged every week."""
