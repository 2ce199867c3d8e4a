"""The version, written in this one place; the build reads it with a regular expression."""

__version__ = "0.1.0"
