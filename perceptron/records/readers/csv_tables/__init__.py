"""Tables of times published as CSV: the stream of records, their meaning, and large ones joined."""
