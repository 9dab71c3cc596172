"""A publisher of our own: prepared messages at chosen chunk sizes, and every way to misbehave."""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import Iterable
from dataclasses import dataclass

from recorder.live.rtmp import amf0
from recorder.live.rtmp.chunks import SET_CHUNK_SIZE, ChunkReader, Message, written

COMMAND, COMMAND_AMF3 = 20, 17
_CONTROL = 4


@dataclass(slots=True)
class RtmpPeer:
    """One connection to an RTMP server, greeted."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    incoming: ChunkReader
    chunk_size: int = 128

    async def send(self, *messages: Message) -> None:
        for message in messages:
            stream = {8: 4, 9: 6, 18: 4}.get(message.kind, 3)
            self.writer.write(written(message, stream, self.chunk_size))
            await self.writer.drain()

    async def raw(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def command(self, *values: amf0.Value, stream: int = 0, wrapped: bool = False) -> None:
        body = amf0.encode(*values)
        kind = COMMAND_AMF3 if wrapped else COMMAND
        await self.send(Message(kind, stream, 0, b"\0" + body if wrapped else body))

    async def message(self) -> Message | None:
        """The next message of the server; None when it has closed the connection."""
        while (message := self.incoming.next()) is None:
            try:
                data = await self.reader.read(1 << 16)
            except ConnectionError:
                return None
            if not data:
                return None
            self.incoming.append(data)
        return message

    async def answer(self, name: str) -> list[amf0.Value]:
        """The values of the next command of this name; empty when the connection ends first."""
        while (message := await self.message()) is not None:
            if message.kind == COMMAND:
                values = amf0.decode(message.payload)
                if values[0] == name:
                    return values
        return []

    async def set_chunk_size(self, size: int) -> None:
        await self.send(Message(SET_CHUNK_SIZE, 0, 0, size.to_bytes(4, "big")))
        self.chunk_size = size

    async def publish(self, key: str, app: str = "live", *, wrapped: bool = False) -> str:
        """Ask to publish as encoders do; the code of the answer, empty when there was none."""
        await self.command("connect", 1.0, {"app": app, "flashVer": "test"}, wrapped=wrapped)
        await self.command("releaseStream", 2.0, None, key)
        await self.command("FCPublish", 3.0, None, key)
        await self.command("createStream", 4.0, None)
        while values := await self.answer("_result"):
            if values[1] == 4.0:
                break
        await self.command("publish", 5.0, None, key, "live", stream=1, wrapped=wrapped)
        return await self.status()

    async def settled(self) -> None:
        """Wait until the server has read everything that was sent: it answers a ping behind it."""
        await self.send(Message(_CONTROL, 0, 0, b"\0\x06\0\0\0\x2a"))
        while (message := await self.message()) is not None:
            if message.kind == _CONTROL and message.payload[:2] == b"\0\x07":
                return
        raise ConnectionError("the server has closed the connection")

    async def status(self) -> str:
        values = await self.answer("onStatus")
        return str(values[3]["code"]) if values and isinstance(values[3], dict) else ""

    async def closed(self) -> bool:
        """Wait until the server has closed; what it still says is read."""
        while await self.message() is not None:
            pass
        return True

    def kill(self) -> None:
        """Vanish as a killed process does."""
        self.writer.transport.abort()

    async def close(self) -> None:
        self.writer.close()
        try:
            await self.writer.wait_closed()
        except (ConnectionError, ssl.SSLError):
            return


async def greeted(port: int, tls: ssl.SSLContext | None = None) -> RtmpPeer:
    """A connection after the plain handshake."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=tls)
    greeting = bytes(8) + os.urandom(1528)
    writer.write(b"\x03" + greeting)
    try:
        answer = await reader.readexactly(1 + 2 * 1536)
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.transport.abort()
        raise
    assert answer[1537:] == greeting
    writer.write(answer[1:1537])
    return RtmpPeer(reader, writer, ChunkReader(1 << 20))


def media(flv: bytes) -> Iterable[Message]:
    """The audio, video and data messages of an FLV file, as a publisher would send them."""
    at = 13
    while at + 11 <= len(flv):
        length = int.from_bytes(flv[at + 1 : at + 4], "big")
        stamp = int.from_bytes(flv[at + 4 : at + 7], "big") | flv[at + 7] << 24
        yield Message(flv[at], 1, stamp, flv[at + 11 : at + 11 + length])
        at += 11 + length + 4
