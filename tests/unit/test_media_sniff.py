"""The first bytes decide what libav may open; playlists and text are never opened at all."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.adapters.media_sniff import IsoLayout, Sniffed, iso_layout, riff_cut, sniff
from recorder.domain.media import Problem


def box(kind: bytes, body: bytes = b"", length: int | None = None) -> bytes:
    return (len(body) + 8 if length is None else length).to_bytes(4, "big") + kind + body


def layout(file: bytes) -> IsoLayout:
    return iso_layout(lambda offset, length: file[offset : offset + length], len(file))


FTYP = box(b"ftyp", b"isom0000")
MOOV = box(b"moov", b"m" * 40)
MDAT = box(b"mdat", b"d" * 400)


@pytest.mark.parametrize(
    ("head", "container"),
    [
        (FTYP, "mov"),
        (box(b"mdat", b"x" * 50), "mov"),
        (b"RIFF\x00\x00\x00\x00AVI LIST", "avi"),
        (b"RIFF\x00\x00\x00\x00WAVEfmt ", "wav"),
        (b"RIFF\x00\x00\x00\x00WEBPVP8 ", "webp"),
        (b"\x1a\x45\xdf\xa3\x01", "matroska"),
        ((b"\x47" + b"\x00" * 187) * 3, "mpegts"),
        ((b"\x00" * 4 + b"\x47" + b"\x00" * 187) * 3, "mpegts"),
        (b"\x00\x00\x01\xba\x44", "mpeg"),
        (b"FLV\x01\x05", "flv"),
        (b"\xff\xd8\xff\xe0", "jpeg"),
        (b"\x89PNG\r\n\x1a\n\x00", "png"),
        (b"BM\x00\x01", "bmp"),
        (b"ID3\x04\x00", "mp3"),
        (b"\xff\xfb\x90\x00", "mp3"),
        (b"\xff\xf1\x50\x80", "aac"),
        (b"OggS\x00", "ogg"),
        (b"\x00\x00\x00\x01\x67\x64", "h264"),
        (b"\x00\x00\x00\x01\x40\x01", "hevc"),
    ],
)
def test_a_container_is_known_by_its_first_bytes(head: bytes, container: str) -> None:
    assert sniff(head) == Sniffed(container)


@pytest.mark.parametrize(
    "head",
    [
        b"#EXTM3U\n#EXTINF:1,\nfile:///etc/hostname\n",
        b"\xef\xbb\xbf#EXTM3U\n",
        b"\n\n  #EXTM3U8\n",
        b"ffconcat version 1.0\nfile 01.mp4\n",
        b"<?xml version='1.0'?>\n<MPD xmlns='urn:mpeg:dash:schema:mpd:2011'>",
        b"v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\n",
        b"[playlist]\nFile1=http://127.0.0.1/\n",
    ],
)
def test_a_playlist_is_recognised_whatever_its_name(head: bytes) -> None:
    assert sniff(head) == Sniffed(problem=Problem.PLAYLIST)


@pytest.mark.parametrize(
    "head", [b"This is a shift report.\n", b"file 'x.mp4'\n", b"<!DOCTYPE html><p>", b"BM is text"]
)
def test_text_is_not_media(head: bytes) -> None:
    assert sniff(head) == Sniffed(problem=Problem.NOT_MEDIA)


def test_nothing_at_all_is_empty_and_noise_is_unknown() -> None:
    assert sniff(b"") == Sniffed(problem=Problem.EMPTY)
    assert sniff(b"\x00\x01\x02\x03\x04\x05\x06\x07\x08") == Sniffed()


def test_the_index_is_found_in_front_behind_or_not_at_all() -> None:
    assert layout(FTYP + MOOV + MDAT) == IsoLayout(has_moov=True)
    assert layout(FTYP + MDAT + MOOV) == IsoLayout(has_moov=True, moov_at_end=True)
    assert layout(FTYP + MDAT) == IsoLayout()


def test_a_box_that_ends_behind_the_file_is_a_cut() -> None:
    assert layout((FTYP + MOOV + MDAT)[:-100]) == IsoLayout(has_moov=True, cut=True)
    assert layout((FTYP + MDAT + MOOV)[:-10]) == IsoLayout(cut=True)
    assert layout(FTYP + MOOV + MDAT + b"\x00\x00") == IsoLayout(has_moov=True, cut=True)


def test_fragments_are_seen() -> None:
    file = FTYP + MOOV + (box(b"moof", b"f" * 20) + MDAT) * 3
    assert layout(file) == IsoLayout(has_moov=True, fragmented=True)


def test_long_and_open_lengths_are_understood() -> None:
    wide = b"\x00\x00\x00\x01mdat" + (416).to_bytes(8, "big") + b"d" * 400
    assert layout(FTYP + wide + MOOV) == IsoLayout(has_moov=True, moov_at_end=True)
    assert layout(FTYP + MOOV + box(b"mdat", b"d" * 99, 0)) == IsoLayout(has_moov=True)


@given(st.binary(max_size=600))
def test_no_bytes_can_break_the_first_look(noise: bytes) -> None:
    seen = sniff(noise)
    assert not (seen.container and seen.problem)
    layout(FTYP + noise)


def test_a_riff_file_tells_its_own_length() -> None:
    assert riff_cut(b"RIFF" + (992).to_bytes(4, "little"), 600)
    assert not riff_cut(b"RIFF" + (992).to_bytes(4, "little"), 1000)
    assert not riff_cut(b"RIFF\x00\x00\x00\x00", 1000)
