"""The proof as tables, as a figure and as a page of the docs."""
