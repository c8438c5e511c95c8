"""Code shared by several backends: hand-derived gradients, CUDA probing, kernel counts."""
