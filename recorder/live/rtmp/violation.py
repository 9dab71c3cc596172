"""What a peer did that no publisher does; ends its connection and nothing else."""

from __future__ import annotations


class ViolationError(Exception):
    """The peer broke the protocol or a limit of ours; the text says which, without its bytes."""
