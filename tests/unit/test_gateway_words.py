"""What the hooks of media servers say, in the words of each; and that odd ones are read mildly."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.domain.gateway import GatewayKind, Said, Word, read
from recorder.errors import InvalidInput

KEY = f"rec_{'abc' * 14}"


def said(kind: str, hook: str, **fields: object) -> Said:
    return read(GatewayKind(kind), hook, fields)


def test_mediamtx_asks_with_a_key_in_any_of_its_places() -> None:
    for place in ({"password": KEY}, {"token": KEY}, {"query": f"a=b&token={KEY}"}):
        heard = said(
            "mediamtx", "", action="publish", path="live/D-1", ip="::1", protocol="srt", **place
        )
        assert (heard.word, heard.stream, heard.key) == (Word.PUBLISH, "live/D-1", KEY)
        assert (heard.app, heard.name, heard.address) == ("live", "D-1", "::1")
        assert heard.protocol == "srt"
    assert said("mediamtx", "", action="read", path="D-1").word is Word.WATCH
    assert said("mediamtx", "", action="metrics", path="").word is Word.NOTHING
    assert said("mediamtx", "ready", path="D-1").word is Word.BEGAN
    assert said("mediamtx", "notready", path="D-1").word is Word.ENDED
    file = said("mediamtx", "segment", path="live/D-1", file="/rec/live/D-1/x.mp4")
    assert (file.word, file.path) == (Word.FILE, "/rec/live/D-1/x.mp4")


def test_srs_names_the_hook_in_its_body() -> None:
    heard = said(
        "srs", "", action="on_publish", client_id="3", ip="10.0.0.9", vhost="__defaultVhost__",
        app="live", tcUrl="rtmp://10.0.0.1/live", stream="D-1", param=f"?token={KEY}",
    )  # fmt: skip
    assert (heard.word, heard.stream, heard.key) == (Word.PUBLISH, "live/D-1", KEY)
    assert said("srs", "", action="on_unpublish", app="live", stream="D-1").word is Word.ENDED
    file = said("srs", "", action="on_dvr", app="live", stream="D-1", cwd="/s", file="./d/1.flv")
    assert (file.word, file.path) == (Word.FILE, "./d/1.flv")
    assert said("srs", "", action="on_connect").word is Word.NOTHING


def test_zlmediakit_names_the_hook_in_its_address() -> None:
    fields = {"app": "live", "stream": "D-1", "schema": "rtsp", "mediaServerId": "z"}
    heard = said("zlmediakit", "on_publish", params=f"token={KEY}", ip="1.2.3.4", **fields)
    assert (heard.word, heard.key, heard.protocol) == (Word.PUBLISH, KEY, "rtsp")
    assert said("zlmediakit", "on_stream_changed", regist=True, **fields).word is Word.BEGAN
    assert said("zlmediakit", "on_stream_changed", regist=False, **fields).word is Word.ENDED
    file = said(
        "zlmediakit", "on_record_mp4", start_time=1_772_440_000, time_len=11, file_size=1_913_597,
        file_path="/www/record/live/D-1/2026-03-02/15-53-02.mp4", **fields,
    )  # fmt: skip
    assert (file.word, file.length) == (Word.FILE, 1_913_597)
    assert file.started_at == datetime(2026, 3, 2, 8, 26, 40, tzinfo=UTC)
    assert said("zlmediakit", "on_server_keepalive").word is Word.ALIVE
    assert said("zlmediakit", "on_stream_not_found", **fields).word is Word.NOTHING


def test_nginx_rtmp_sends_a_form_with_the_publishers_own_arguments() -> None:
    heard = said(
        "nginx-rtmp", "", app="live", flashver="", swfurl="", tcurl="rtmp://10.0.0.1/live",
        pageurl="", addr="10.0.0.9", clientid="1", call="publish", name="D-1", type="live",
        token=KEY,
    )  # fmt: skip
    assert (heard.word, heard.stream, heard.key) == (Word.PUBLISH, "live/D-1", KEY)
    assert (heard.address, heard.protocol) == ("10.0.0.9", "rtmp")
    file = said("nginx-rtmp", "", call="record_done", app="live", name="D-1", path="/r/D-1-1.flv")
    assert (file.word, file.path) == (Word.FILE, "/r/D-1-1.flv")
    assert said("nginx-rtmp", "", call="publish_done", app="live", name="D-1").word is Word.ENDED


def test_a_token_as_name_is_seen_and_kept_nowhere() -> None:
    heard = said("srs", "", action="on_publish", app="live", stream=KEY, param="")
    assert (heard.key_in_name, heard.stream) == (True, "live/(token)")
    file = said("srs", "", action="on_dvr", app="live", stream=KEY, file=f"/d/{KEY}/1.flv")
    assert KEY not in repr(file)
    assert KEY not in repr(said("srs", "", action="on_publish", stream="D", param=f"?token={KEY}"))


@pytest.mark.parametrize("name", [{}, {"stream": ""}, {"stream": 5}, {"stream": "/"}])
def test_whoever_is_to_be_let_in_has_a_name(name: dict[str, object]) -> None:
    with pytest.raises(InvalidInput) as caught:
        read(GatewayKind.SRS, "", {"action": "on_publish", "app": "live", **name})
    assert caught.value.code == "hook-malformed"


_VALUES = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.none())
_NAMES = st.sampled_from(
    ["action", "call", "app", "stream", "name", "path", "file", "file_path", "params", "param",
     "query", "token", "password", "ip", "start_time", "file_size", "regist", "schema"]
)  # fmt: skip
_HOOKS = ["", "ready", "segment", "on_publish", "on_record_mp4", "on_stream_changed", "on_play"]


@given(
    kind=st.sampled_from(GatewayKind),
    hook=st.sampled_from(_HOOKS),
    fields=st.dictionaries(_NAMES, _VALUES),
)
def test_any_body_is_read_or_malformed(
    kind: GatewayKind, hook: str, fields: dict[str, object]
) -> None:
    try:
        heard = read(kind, hook, fields)
    except InvalidInput:
        return
    assert len(heard.stream) <= 200
    assert len(heard.path) <= 1000
    assert "\0" not in heard.stream + heard.path + heard.address + heard.protocol
