"""From blocks to verdicts: estimates, the rule, a verdict for each row and for the run."""
