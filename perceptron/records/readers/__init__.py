"""One reader for each format of results, and the table that they all become."""
