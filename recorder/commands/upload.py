"""``recorder upload``: the device client. Imports nothing of the server."""

from __future__ import annotations

from recorder.client.command import add_arguments, run

__all__ = ["add_arguments", "run"]
