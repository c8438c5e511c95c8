"""Devices beside the host, as the libraries that drive them see them."""
