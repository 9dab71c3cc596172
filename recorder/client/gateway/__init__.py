"""Beside a media server of others: what it has finished writing becomes footage.

Knows files and their names (docs/design/live-gateways.md); hooks reach the service, not this.
"""
