"""What pytest-benchmark writes, and which piece of a test id belongs to which parameter."""
