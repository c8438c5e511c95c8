"""One reader for each format in which results come, and the table that they all end in."""
