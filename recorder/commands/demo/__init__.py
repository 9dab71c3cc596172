"""``recorder demo``: the main job end to end on a server of its own, visibly.

Not a mock: the embedded server, the real device client in processes of its own, real clips, a
cut connection and a killed client. It writes to its data folder and nowhere else.
"""

from recorder.commands.demo.command import add_arguments, run

__all__ = ["add_arguments", "run"]
