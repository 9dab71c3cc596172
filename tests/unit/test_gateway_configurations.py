"""The configurations in deploy/gateways: what each media server is told, by its documented names.

nginx's is run by tests/e2e/test_gateway_nginx.py; these are read.
"""

from __future__ import annotations

import argparse
import configparser
import re
import shlex
from pathlib import Path, PurePosixPath

import yaml

from recorder.client.gateway import layout
from recorder.commands.live import gateway
from recorder.domain.gateway import GatewayKind

FOLDER = Path(__file__).parents[2] / "deploy" / "gateways"
HOOKS = "https://recorder.example/api/v1/gateways/hooks/SECRET"
FILES = "/var/lib/recorder-gateway"


def test_mediamtx_asks_by_http_and_keeps_its_files() -> None:
    text = (FOLDER / "mediamtx.yml").read_text("utf-8")
    told = yaml.safe_load(text)
    assert (told["authMethod"], told["authHTTPAddress"]) == ("http", HOOKS)
    excluded = {entry["action"] for entry in told["authHTTPExclude"]}
    assert excluded == {"api", "metrics", "pprof"}
    paths = told["pathDefaults"]
    assert set(told["paths"]) == {"all_others"}
    assert (paths["record"], paths["recordFormat"]) == (True, "fmp4")
    assert paths["recordDeleteAfter"] == "0s"
    assert paths["overridePublisher"] is False
    written = paths["recordPath"].replace("%path", "live/D-1").removeprefix(f"{FILES}/")
    for sign, digits in (("%Y", "2026"), ("%m", "03"), ("%d", "02"), ("%H", "16"), ("%M", "26"),
                         ("%S", "40"), ("%f", "123456"), ("%z", "+0800")):  # fmt: skip
        written = written.replace(sign, digits)
    named = layout.read(GatewayKind.MEDIAMTX, PurePosixPath(f"{written}.mp4"))
    assert (named.stream, named.started_at is not None) == ("D-1", True)
    hooks = {"runOnReady": "ready", "runOnNotReady": "notready",
             "runOnRecordSegmentComplete": "segment"}  # fmt: skip
    for name, word in hooks.items():
        words = shlex.split(paths[name])
        assert (words[0], words[-1]) == ("curl", f"{HOOKS}/{word}")
        assert "path=$MTX_PATH" in words
        assert ("file=$MTX_SEGMENT_PATH" in words) == (word == "segment")


def test_srs_asks_by_http_hooks_and_cuts_by_keyframes() -> None:
    text = re.sub(r"#[^\n]*", "", (FOLDER / "srs.conf").read_text("utf-8"))
    assert text.count("{") == text.count("}") == 3
    told = dict(re.findall(r"^\s*(\w+)\s+([^;{]+);", text, re.MULTILINE))
    for hook in ("on_publish", "on_play", "on_unpublish", "on_dvr"):
        assert told[hook] == HOOKS
    assert told["dvr_plan"] == "segment"
    assert told["time_jitter"] == "off"
    # Its log tells the keys of publishers at lower levels.
    assert told["srs_log_level"] == "warn"
    written = told["dvr_path"].removeprefix(f"{FILES}/").replace("[app]", "live")
    written = written.replace("[stream]", "D-1").replace("[timestamp]", "1772440000500")
    assert layout.read(GatewayKind.SRS, PurePosixPath(written)).stream == "D-1"


def test_zlmediakit_has_an_address_for_each_hook() -> None:
    told = configparser.ConfigParser()
    told.read(FOLDER / "zlmediakit.ini", "utf-8")
    hook = told["hook"]
    assert (hook["enable"], hook["admin_params"]) == ("1", "")
    named = [name for name in hook if name.startswith("on_")]
    assert {"on_publish", "on_play", "on_record_mp4", "on_stream_changed",
            "on_server_keepalive", "on_stream_none_reader"} <= set(named)  # fmt: skip
    for name in named:
        assert hook[name] == f"{HOOKS}/{name}"
    assert (told["protocol"]["enable_mp4"], told["protocol"]["modify_stamp"]) == ("1", "0")
    assert told["protocol"]["mp4_save_path"] == FILES
    # Nothing is added to what came, and nothing that is missing is hidden in a file.
    assert (told["protocol"]["add_mute_audio"], told["protocol"]["continue_push_ms"]) == ("0", "0")
    assert (told["protocol"]["enable_hls"], told["api"]["apidebug"]) == ("0", "0")


def test_the_unit_starts_the_command_with_words_that_it_knows() -> None:
    unit = (FOLDER / "recorder-gateway.service").read_text("utf-8")
    started = re.search(r"^ExecStart=(.*)$", unit, re.MULTILINE)
    assert started is not None
    words = shlex.split(started[1])
    assert words[1:3] == ["live", "gateway"]
    parser = argparse.ArgumentParser()
    gateway.add_arguments(parser)
    args = parser.parse_args(words[3:])
    assert (str(args.dir), args.kind) == (FILES, "nginx-rtmp")
    # The sentence about leases in the guide: whoever runs it owns the files.
    assert "User=www-data" in unit


def test_nginx_writes_no_log_that_would_hold_the_keys_of_publishers() -> None:
    text = (FOLDER / "nginx-rtmp.conf").read_text("utf-8")
    assert re.findall(r"access_log [^;]+;", text) == ["access_log off;"]
