"""What blocks say: estimates, the rule, a verdict for each row and one for the run."""
