"""From which size up does B beat A? Points, crossing, uncertainty, and the one judge."""
