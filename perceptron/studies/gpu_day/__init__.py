"""Everything that half an hour with a GPU can tell, in stages, packed as it goes."""
