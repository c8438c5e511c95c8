"""How times went from commit to commit, and the steps in them."""
