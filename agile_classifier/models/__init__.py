"""What classifies: base models, encoders and label tokens, baselines, ONNX graphs, and how an answer is decided."""
