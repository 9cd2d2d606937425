"""Export of a classifier as an ONNX graph, and prediction from it without torch."""
