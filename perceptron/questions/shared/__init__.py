"""What several studies share: axes, sweeps, pairs of backends, and which jobs are missing."""
