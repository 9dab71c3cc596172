"""One conversation with a camera: describe, set up, play, and its packets until it ends.

Everything goes over one TCP connection, packets too, so that nothing is lost on the way and
nothing has to be let in. User and password stay in this process: no child ever has them.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import ssl
from collections.abc import Callable
from datetime import datetime
from urllib.parse import urljoin

from recorder.domain.source_address import Reach, SourceAddress, SourceProtocol
from recorder.errors import InvalidInput
from recorder.live import fetching
from recorder.live.fetching import Admit, Fetched, FetchError, Inlet, Trouble
from recorder.live.rtmp.reception import Farewell
from recorder.live.rtmp.violation import ViolationError
from recorder.live.rtsp import description, messages, packets
from recorder.live.rtsp.messages import Answer, Credentials, Packet
from recorder.live.rtsp.packets import TrackPackets
from recorder.live.sink import Cause

_ANSWER_S = 10.0
#: A camera from which no packet comes for so long is asked anew.
_SILENCE_S = 10.0
_MOST_REDIRECTS = 3


async def fetch(
    address: SourceAddress,
    reach: Reach,
    admit: Admit,
    now: Callable[[], datetime],
    tls: ssl.SSLContext | None = None,
) -> None:
    """Take what the camera sends until it ends; always raises FetchError, which says why."""
    place = address
    for _ in range(_MOST_REDIRECTS):
        reader, writer = await fetching.connect(place, reach, tls)
        talk = _Conversation(place, reader, writer, now)
        try:
            moved = await talk.described()
            if moved is None:
                farewell = await talk.play(admit)
                raise FetchError(Trouble.ENDED, "it was ended here", farewell)
        except ViolationError as error:
            raise FetchError(Trouble.BROKEN, str(error)) from error
        except (OSError, EOFError, ssl.SSLError) as error:
            raise FetchError(
                Trouble.ENDED, f"the connection broke: {type(error).__name__}"
            ) from error
        finally:
            await talk.close()
        place = _elsewhere(address, moved)
    raise FetchError(Trouble.BROKEN, "it leads from one place to the next")


def _elsewhere(address: SourceAddress, moved: str) -> SourceAddress:
    """Where it leads, with our words for the same host only."""
    try:
        found = SourceAddress.parse(moved)
    except InvalidInput as error:
        raise FetchError(Trouble.BROKEN, "it leads to what is no address") from error
    if found.protocol is not SourceProtocol.RTSP:
        raise FetchError(Trouble.BROKEN, "it leads to another protocol")
    if address.encrypted and not found.encrypted:
        raise FetchError(Trouble.FORBIDDEN, "it leads to a weaker protocol")
    if found.name != address.name:
        return found
    user, password = address.user, address.password
    return SourceAddress(
        found.protocol, found.encrypted, found.name, found.port, found.url, user, password
    )


class _Conversation:
    def __init__(
        self,
        address: SourceAddress,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        now: Callable[[], datetime],
    ) -> None:
        self._address = address
        self._reader = reader
        self._writer = writer
        self._now = now
        self._credentials = Credentials(address)
        self._count = 0
        self._session = ""
        self._session_s = 60.0
        self._base = address.url
        self._tracks: dict[int, TrackPackets] = {}
        #: Packets that came while an answer was waited for.
        self._early: list[Packet] = []
        self._heard = asyncio.get_running_loop().time()
        self._begun_at: datetime | None = None
        #: Channels of tracks whose end was told.
        self._ended: set[int] = set()

    async def described(self) -> str | None:
        """Learn what there is; gives the place where it is instead, if it moved."""
        answer = await self._ask("DESCRIBE", self._address.url, Accept="application/sdp")
        if answer.status in (301, 302, 303, 305, 307, 308):
            return urljoin(self._address.url, answer.header("location"))
        self._base = (
            answer.header("content-base") or answer.header("content-location") or self._address.url
        )
        self._described, self._left_out = description.read(
            answer.body.decode("utf-8", "replace"), self._base
        )
        if not self._described:
            only = ", ".join(self._left_out) or "nothing"
            raise FetchError(Trouble.NOTHING_RECORDABLE, f"only {only}")
        return None

    async def play(self, admit: Admit) -> Farewell | None:
        """Set up every track and hand on what comes, until it is dismissed; gives why."""
        for n, each in enumerate(self._described):
            wish = f"RTP/AVP/TCP;unicast;interleaved={2 * n}-{2 * n + 1}"
            answer = await self._ask("SETUP", each.control, Transport=wish)
            given = re.search(r"interleaved=(\d+)", answer.header("transport"))
            self._tracks[int(given[1]) if given else 2 * n] = TrackPackets(each)
            name, _, rest = answer.header("session").partition(";")
            self._session = name.strip() or self._session
            if (limit := re.search(r"timeout=(\d+)", rest)) is not None:
                self._session_s = max(4.0, min(600.0, float(limit[1])))
        answer = await self._ask("PLAY", self._base, Range="npt=0.000-")
        self._align(answer.header("rtp-info"))
        peer = Fetched(self._address.host, encrypted=self._address.encrypted)
        inlet = await admit(peer)
        inlet.leave_out(self._left_out)
        keeping = asyncio.create_task(self._keep_session())
        try:
            await self._listen(peer, inlet)
        finally:
            keeping.cancel()
            for track in self._tracks.values():
                for tag, arrived in track.end():
                    inlet.take_tag(tag, arrived)
        return peer.farewell

    async def close(self) -> None:
        """Say good-bye, if that goes at once."""
        with contextlib.suppress(OSError, RuntimeError, ViolationError):
            if self._session:
                self._send("TEARDOWN", self._base)
            self._writer.close()
            async with asyncio.timeout(1.0):
                await self._writer.wait_closed()

    async def _listen(self, peer: Fetched, inlet: Inlet) -> None:
        early, self._early = self._early, []
        for packet in early:
            self._take(packet, inlet)
        watching = asyncio.create_task(self._watch(peer))
        try:
            while await peer.turn():
                self._heard = asyncio.get_running_loop().time()
                while not isinstance(item := await messages.read_item(self._reader), Packet):
                    pass
                self._take(item, inlet)
                if self._ended >= self._tracks.keys():
                    raise FetchError(Trouble.ENDED, "the camera said good-bye")
        except (OSError, EOFError):
            if not peer.dismissed.is_set() and not watching.done():
                raise
        finally:
            watching.cancel()
        if not peer.dismissed.is_set():
            raise FetchError(Trouble.SILENT, "no packet came for ten seconds")

    async def _watch(self, peer: Fetched) -> None:
        """Break a silent connection, or one that nobody wants any more, out of its reading."""
        loop = asyncio.get_running_loop()
        while not peer.dismissed.is_set() and loop.time() - self._heard < _SILENCE_S:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1.0):
                    await peer.dismissed.wait()
            if peer.is_paused:
                self._heard = loop.time()
        self._writer.transport.abort()

    def _take(self, packet: Packet, inlet: Inlet) -> None:
        track = self._tracks.get(packet.channel)
        if track is None:
            self._heed_report(packet, inlet)
            return
        now = self._now()
        if not track.is_begun:
            self._begun_at = self._begun_at or now
            track.begin_at(int((now - self._begun_at).total_seconds() * 1000))
        whole = list(track.take(packet.content, now))
        if track.lost:
            track.lost = 0
            inlet.break_off(Cause.MEDIA_LOST)
        for tag, arrived in whole:
            inlet.take_tag(tag, arrived)

    def _heed_report(self, packet: Packet, inlet: Inlet) -> None:
        """What a camera says beside its packets, if it is that: an end, or its clock."""
        if packets.says_goodbye(packet.content):
            self._ended.add(packet.channel - 1)
        said = packets.clock_said(packet.content)
        if said is not None:
            inlet.tell_clock(self._now(), said)

    async def _keep_session(self) -> None:
        while True:
            await asyncio.sleep(self._session_s / 2)
            self._send("OPTIONS", self._base)

    def _align(self, told: str) -> None:
        """Where the clocks of the tracks stand beside each other, if the camera says it."""
        stamps: dict[str, int] = {}
        for each in re.split(r",\s*(?=url=)", told):
            place = re.search(r"url=([^;]+)", each)
            stamp = re.search(r"rtptime=(\d{1,10})", each)
            if place is not None and stamp is not None:
                stamps[place[1].strip().rstrip("/")] = int(stamp[1]) & 0xFFFFFFFF
        bases = {
            channel: value
            for channel, track in self._tracks.items()
            for place, value in stamps.items()
            if _is_same(track.described.control.rstrip("/"), place)
        }
        if len(bases) == len(self._tracks):
            for channel, value in bases.items():
                self._tracks[channel].clock.base = value

    async def _ask(self, method: str, url: str, **headers: str) -> Answer:
        """The good answer to a request, after saying who we are if that is asked."""
        for again in (False, True):
            self._send(method, url, **headers)
            try:
                async with asyncio.timeout(_ANSWER_S):
                    answer = await self._answer()
            except TimeoutError as error:
                raise FetchError(Trouble.SILENT, f"no answer to {method}") from error
            challenges = answer.headers.get("www-authenticate", ())
            if again or answer.status != 401 or not self._credentials.challenged(challenges):
                break
        if answer.status in (401, 403):
            raise FetchError(Trouble.UNAUTHORISED, f"{answer.status} to {method}")
        if answer.status >= 400:
            raise FetchError(Trouble.REFUSED, f"{answer.status} to {method}")
        return answer

    async def _answer(self) -> Answer:
        while True:
            item = await messages.read_item(self._reader)
            if isinstance(item, Packet):
                if len(self._early) < 1_000:
                    self._early.append(item)
            elif item.status >= 200:
                return item

    def _send(self, method: str, url: str, **headers: str) -> None:
        self._count += 1
        words = {"CSeq": str(self._count), "User-Agent": "recorder"}
        if self._session:
            words["Session"] = self._session
        words |= self._credentials.words(method, url) | headers
        self._writer.write(messages.request(method, url, words))


def _is_same(control: str, place: str) -> bool:
    """Cameras tell the place of a track whole, or its end."""
    return control.endswith(place) or place.endswith(control)
