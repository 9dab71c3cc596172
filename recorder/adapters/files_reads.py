"""Reading a file of the folder store in blocks, with back-pressure and no thread held."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from io import FileIO

from recorder.adapters import files_disk as disk
from recorder.adapters.store_threads import BLOCK_BYTES, StoreThreads
from recorder.errors import InvalidInput, Unavailable


async def file_blocks(
    threads: StoreThreads, opened: Callable[[], FileIO], offset: int, length: int | None
) -> AsyncGenerator[bytes, None]:
    """The bytes [offset, offset+length) of the file, which is opened in a thread.

    Raises InvalidInput ``range-outside-object`` before the first byte, and what ``opened`` does.
    """
    source: FileIO | None = None
    position = offset
    end = -1

    def read() -> bytes:
        nonlocal source, position, end
        with disk.translated():
            if source is None:
                source = opened()
                size = os.fstat(source.fileno()).st_size
                end = size if length is None else offset + length
                if not 0 <= offset <= end <= size:
                    raise InvalidInput(
                        "range-outside-object", f"The object has {size} bytes.", length=size
                    )
            block = os.pread(source.fileno(), min(BLOCK_BYTES, end - position), position)
        if not block and position < end:
            raise Unavailable("store-unavailable", "The stored file became shorter.")
        position += len(block)
        return block

    def close() -> None:
        if source is not None:
            source.close()

    async with aclosing(threads.blocks(read, close)) as stream:
        async for block in stream:
            yield block
