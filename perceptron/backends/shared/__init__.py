"""What several backends share: hand-derived gradients, CUDA probing, threads, kernel counts."""
