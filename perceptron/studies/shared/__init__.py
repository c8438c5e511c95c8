"""What several studies share: campaigns of rounds, opening a run, axes, progress."""
