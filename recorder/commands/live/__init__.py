"""``recorder live``: livestreams are taken, and the files of others' media servers are sent."""

from recorder.commands.live.command import add_arguments, run

__all__ = ["add_arguments", "run"]
