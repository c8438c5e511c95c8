"""Whole runs as they lie on disk, judged."""
