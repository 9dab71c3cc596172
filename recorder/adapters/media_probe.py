"""The probing child: ``python -m recorder.adapters.media_probe``.

Reads one JSON request from standard input, confines itself, reads the original and writes one
JSON line: ``{"facts": …}``, or ``{"away": sentence}`` when the source failed. It is a process of
its own because it decodes hostile input: if it dies, only it dies.
"""

from __future__ import annotations

import json
import sys
import sysconfig
import urllib.parse
from dataclasses import replace
from pathlib import Path
from typing import Any

import av

from recorder.adapters.confinement import Confinement, apply
from recorder.adapters.media_measure import measure
from recorder.adapters.media_reader import PathReader, Reader, SourceAwayError, UrlReader

#: libav's binding and Python load parts of themselves late; both may be read, nothing else.
CODE = (str(Path(av.__file__).parent), sysconfig.get_path("stdlib"))


def answer(request: dict[str, Any], limits: Confinement | None) -> dict[str, object]:
    """Probe what the request names; ``limits`` of None leaves this process as it is."""
    try:
        reader, ports = reader_of(request)
        confined = "none"
        if limits is not None:
            confined = apply(replace(limits, readable=CODE, ports=ports))
        facts = measure(reader, str(request["name"]), quick=bool(request["quick"]))
    except SourceAwayError as error:
        return {"away": str(error)}
    return {"facts": facts.to_json(), "confinement": confined}


def reader_of(request: dict[str, Any]) -> tuple[Reader, tuple[int, ...]]:
    """The original that a request names, opened, and the ports that reading it needs."""
    if request.get("path"):
        return PathReader(str(request["path"])), ()
    url = str(request["url"])
    port = urllib.parse.urlsplit(url).port
    reader = UrlReader(url, int(request["length"]), timeout_s=float(request["silence_s"]))
    return reader, (port,) if port else ()


def main() -> None:
    """Answer the request on standard input."""
    request = json.load(sys.stdin)
    limits = Confinement.from_json(request["limits"])
    sys.stdout.write(json.dumps(answer(request, limits)) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
