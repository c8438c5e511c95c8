"""Dependencies that differ between the revisions: compared, or hidden by one environment?"""
