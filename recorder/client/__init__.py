"""The device and dock client: sends footage over a bad network and proves that it arrived.

It needs none of the server's libraries (only aiohttp, and cryptography for receipts) and reads
nothing from the environment.
"""

from recorder.client.backoff import RetryPolicy
from recorder.client.metadata import Metadata
from recorder.client.progress import FileProgress, FileResult, FileState
from recorder.client.service import Limits
from recorder.client.uploader import Uploader

__all__ = [
    "FileProgress",
    "FileResult",
    "FileState",
    "Limits",
    "Metadata",
    "RetryPolicy",
    "Uploader",
]
