"""A comparison on a pull request: the comment, annotations, and safe posting."""
