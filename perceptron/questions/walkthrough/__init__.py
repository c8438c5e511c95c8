"""The introduction: a small problem is trained, step by step, and looked at."""
