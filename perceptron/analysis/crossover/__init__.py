"""From which size on does B beat A? Points, crossing, uncertainty, and the one judge."""
