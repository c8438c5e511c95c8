"""Does the estimate of a device that is not here hold what others published of theirs?"""
