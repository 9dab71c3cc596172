"""A recording service for the whole process of administrative enforcement (执法全过程音像记录)."""

__version__ = "0.1.0"
