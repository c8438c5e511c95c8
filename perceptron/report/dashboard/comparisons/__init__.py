"""The pages of comparisons: one for each, which stays, and the list of them."""
