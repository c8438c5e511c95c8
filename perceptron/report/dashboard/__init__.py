"""The dashboard: pages that open from disk, and the data beside them."""
