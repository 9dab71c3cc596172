"""Addresses to fetch from: what is shown of them, and where they may lead."""

from __future__ import annotations

import pytest

from recorder.domain.source_address import Reach, SourceAddress, SourceProtocol
from recorder.errors import InvalidInput


def test_what_is_shown_of_an_address_is_host_and_port() -> None:
    found = SourceAddress.parse("rtsp://guard:p%40ss@[2001:db8::7]:8554/key/main?t=1#x")
    assert found.protocol is SourceProtocol.RTSP
    assert found.host == "[2001:db8::7]:8554"
    assert (found.user, found.password) == ("guard", "p@ss")
    assert found.url == "rtsp://[2001:db8::7]:8554/key/main?t=1"
    assert not any(word in repr(found) for word in ("guard", "p@ss", "key"))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "rtsp://",
        "file:///etc/passwd",
        "rtsp://host:0/x",
        "rtsp://host:99999/x",
        "rtsp://guard:secret@host/a b",
        "rtsp://guard:secret@host/a\r\nTEARDOWN x",
        "rtsp://guard:secret@[::1/x",
        "rtsp://guard:secret@host/" + "x" * 3000,
    ],
)
def test_what_is_no_address_is_refused_without_being_quoted(text: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        SourceAddress.parse(text)
    assert refusal.value.code == "source-malformed"
    assert "secret" not in str(refusal.value)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.1.2.3", "192.168.1.64", "172.16.0.1", "100.64.0.1", "169.254.169.254",
        "0.0.0.7", "224.0.0.1", "255.255.255.255", "::1", "::", "fe80::1%eth0", "fd00::1",
        "ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::",
        "nonsense",
    ],
)  # fmt: skip
def test_this_machine_and_networks_without_a_name_in_the_world_are_closed(address: str) -> None:
    assert not Reach().may(address)


def test_public_addresses_are_open_except_our_own() -> None:
    assert Reach().may("8.8.8.8")
    assert Reach().may("2606:4700::1111")
    assert not Reach().may("8.8.8.8", own=["8.8.8.8"])
    assert not Reach().may("::ffff:8.8.8.8", own=["8.8.8.8"])


def test_a_setting_opens_exactly_its_networks() -> None:
    reach = Reach.parse("10.20.0.0/16, fd00:7::/32")
    assert reach.may("10.20.3.4")
    assert reach.may("::ffff:10.20.3.4")
    assert reach.may("fd00:7::1")
    assert not reach.may("10.21.0.1")
    with pytest.raises(ValueError, match="host bits"):
        Reach.parse("10.20.0.1/16")
