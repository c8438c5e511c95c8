"""The version of the suite, which rooms may read that know nothing above them."""

__version__ = "0.1.0"
