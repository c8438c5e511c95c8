"""The main job: the published finding, and the crossovers of five families."""
