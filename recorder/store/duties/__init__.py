"""Duty lists and their rules."""
