"""Registries: organisations, officers, devices, matters, powers handed on, days off work.

Rows are never overwritten, only superseded by others (docs/design/registries.md).
"""
