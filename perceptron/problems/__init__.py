"""WHAT is trained: pure NumPy descriptions of data, layers, losses and size axes."""
