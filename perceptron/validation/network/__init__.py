"""Does the cost model hold over a network? Two hosts made of this one, joined by a shaped link."""
