"""``recorder admin``: people, machines and other systems, by whoever runs the server."""

from recorder.commands.admin.command import add_arguments, run

__all__ = ["add_arguments", "run"]
