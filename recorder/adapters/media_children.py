"""How the media tool's children come to be: started one by one, or forked in a nursery.

Either way they are confined, in a group of their own, and gone with their worker.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Protocol

from recorder.adapters import media_process
from recorder.adapters.confinement import Confinement
from recorder.adapters.media_process import Finished, OnLine


class Children(Protocol):
    """What the media tool needs; ends and errors are those of ``media_process.run``."""

    async def look(
        self,
        name: str,
        limits: Confinement,
        request: Mapping[str, object],
        *,
        on_line: OnLine,
        time_s: float,
    ) -> Finished:
        """Run the module of ours of this name, which reads a request and confines itself."""
        ...

    async def launch(
        self,
        limits: Confinement,
        program: Sequence[str],
        *,
        on_line: OnLine,
        time_s: float,
        stall_s: float,
    ) -> Finished:
        """Run a foreign program under these limits."""
        ...


class StartedChildren:
    """Each is a new interpreter, which costs 0.15 s of a processor."""

    async def look(
        self,
        name: str,
        limits: Confinement,
        request: Mapping[str, object],
        *,
        on_line: OnLine,
        time_s: float,
    ) -> Finished:
        """See Children."""
        return await media_process.run(
            [sys.executable, "-E", "-s", "-m", f"recorder.adapters.{name}"],
            on_line=on_line,
            time_s=time_s,
            stdin=look_request(replace(limits, parent=os.getpid()), request),
        )

    async def launch(
        self,
        limits: Confinement,
        program: Sequence[str],
        *,
        on_line: OnLine,
        time_s: float,
        stall_s: float,
    ) -> Finished:
        """See Children."""
        return await media_process.run(
            limits.launch(program), on_line=on_line, time_s=time_s, stall_s=stall_s
        )


def look_request(limits: Confinement, request: Mapping[str, object]) -> bytes:
    """What the child reads on its standard input."""
    return json.dumps({**request, "limits": asdict(limits)}).encode()
