"""The introduction: train a small problem step by step, and show the result."""
