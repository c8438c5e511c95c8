"""Dependencies that differ between the revisions: compared, or hidden by a common environment?"""
