"""``recorder serve``: the web service, as one process or several, or the whole embedded server."""

from recorder.commands.serve.command import add_arguments, run

__all__ = ["add_arguments", "run"]
