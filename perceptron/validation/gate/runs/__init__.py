"""Whole runs of the gate on a repository of the proof's own, and where they are kept."""
