"""tuspy as a device maker uses it: a program of its own, so that its habits stay in there.

    python -m tests.support.tuspy_send ENDPOINT TOKEN FILE CHUNK_BYTES MEMORY NAME=VALUE…

MEMORY is where it keeps addresses of unfinished uploads. Prints one line of JSON when it is done.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from tusclient.client import TusClient
from tusclient.storage.filestorage import FileStorage


def main() -> None:
    """Send one file; an exception ends the program when the connection is cut."""
    endpoint, token, file, chunk_bytes, memory, *pairs = sys.argv[1:]
    client = TusClient(endpoint, headers={"Authorization": f"Bearer {token}"})
    known = Path(memory).exists()
    # Its own annotations do not say what it does.
    storage: Any = FileStorage
    uploader: Any = client.uploader(
        file,
        chunk_size=int(chunk_bytes),
        metadata=dict(pair.split("=", 1) for pair in pairs),
        upload_checksum=True,
        store_url=True,
        url_storage=storage(memory),
    )
    begun_at = uploader.offset if known else None
    uploader.upload()
    told = {
        "recording": uploader.request.response_headers.get("recorder-recording"),
        "url": uploader.url,
        "resumed_from": begun_at,
    }
    sys.stdout.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    main()
