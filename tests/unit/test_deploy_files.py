"""The files in deploy/ agree with the code they start: settings, commands, paths, versions."""

from __future__ import annotations

import itertools
import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic_core import PydanticUndefined

from recorder.__main__ import COMMANDS
from recorder.config import PREFIX, Config, read_config
from recorder.embedded import postgres as embedded_postgres
from tests.support import s3

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
COMPOSE = (DEPLOY / "compose.yaml").read_text()
EXAMPLE = (DEPLOY / "env.example").read_text()
_SETTING = re.compile(r"^(#?)(RECORDER_[A-Z0-9_]+)=(.*)$", re.MULTILINE)
_NAMES = {name for name, _ in COMMANDS}
_SECRETS = {
    name for name, field in Config.model_fields.items() if "SecretStr" in str(field.annotation)
}


def known(variable: str) -> bool:
    """Whether the service reads this variable, itself or as the file of a secret."""
    name = variable.removeprefix(PREFIX).lower()
    return name in Config.model_fields or (
        name.endswith("_file") and name.removesuffix("_file") in _SECRETS
    )


def instructions(dockerfile: Path) -> Iterator[tuple[str, str]]:
    """The instructions of a Dockerfile with their arguments, continued lines joined."""
    lines = [line for line in dockerfile.read_text().splitlines() if not line.startswith("#")]
    for line in "\n".join(lines).replace("\\\n", " ").splitlines():
        if line.strip():
            word, _, rest = line.strip().partition(" ")
            yield word, re.sub(r"\s+", " ", rest).strip()


# --- env.example ---------------------------------------------------------------------------------


def test_the_example_lists_every_setting_once_and_no_other() -> None:
    listed = [name.removeprefix(PREFIX).lower() for _, name, _ in _SETTING.findall(EXAMPLE)]
    assert sorted(listed) == sorted(Config.model_fields)


def test_the_example_shows_the_true_default_of_each_setting() -> None:
    for comment, variable, shown in _SETTING.findall(EXAMPLE):
        default = Config.model_fields[variable.removeprefix(PREFIX).lower()].default
        if not comment:
            assert default is PydanticUndefined or variable == "RECORDER_OBJECTS_FOLDER", variable
            continue
        wanted = "" if default is None else str(default)
        assert shown == (wanted.lower() if isinstance(default, bool) else wanted), variable


def test_each_setting_of_the_example_is_explained() -> None:
    lines = EXAMPLE.splitlines()
    for before, line in itertools.pairwise(lines):
        if _SETTING.match(line):
            assert before.startswith("#"), line
            assert not before.startswith("# ---"), line


def test_the_example_as_it_is_can_be_read() -> None:
    given = {name: value for comment, name, value in _SETTING.findall(EXAMPLE) if not comment}
    assert read_config(given).objects_folder == Path("/srv/recorder/objects")


def test_the_example_tells_which_secrets_may_lie_in_a_file() -> None:
    intro = EXAMPLE.partition("# ---")[0]
    named = {f"{PREFIX}{name.upper()}" for name in _SECRETS}
    shown = set(re.findall(r"RECORDER_[A-Z0-9_]+[A-Z0-9]", intro))
    assert shown == named | {"RECORDER_S3_SECRET_KEY_FILE"}
    for name in _SECRETS:
        comment = EXAMPLE.partition(f"{PREFIX}{name.upper()}=")[0].rpartition("\n\n")[2]
        assert "ecret" in comment.splitlines()[-2] + comment.splitlines()[-1], name


# --- image and compose file ----------------------------------------------------------------------


def test_the_image_copies_only_what_is_there_and_is_let_through() -> None:
    ignore = (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()
    assert ignore[0] == "*"
    allowed = {line[1:] for line in ignore if line.startswith("!")}
    copied = []
    for word, arguments in instructions(DEPLOY / "Dockerfile"):
        if word == "COPY" and not arguments.startswith("--from="):
            copied += arguments.split()[:-1]
    assert copied
    for source in copied:
        assert (ROOT / source).exists(), source
        assert source in allowed, source
    assert allowed == set(copied)


def test_the_image_installs_the_locked_list_by_hash_and_nothing_else() -> None:
    runs = [arguments for word, arguments in instructions(DEPLOY / "Dockerfile") if word == "RUN"]
    pips = [part for run in runs for part in run.split("&&") if "pip install" in part]
    assert len(pips) == 2
    assert "--require-hashes" in pips[0]
    assert "-r /src/requirements/runtime.txt" in pips[0]
    assert "--no-deps --no-build-isolation" in pips[1]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    locked = (ROOT / "requirements/runtime.txt").read_text()
    for group in (project["project"]["dependencies"],
                  project["project"]["optional-dependencies"]["server"],
                  project["dependency-groups"]["build"]):  # fmt: skip
        for wanted in group:
            name = re.split(r"[<>=\[]", wanted)[0]
            assert re.search(rf"^{name}==", locked, re.MULTILINE), name


def test_the_image_runs_a_real_command_as_nobody_special() -> None:
    found = dict(instructions(DEPLOY / "Dockerfile"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    (entry,) = json.loads(found["ENTRYPOINT"])
    assert entry in project["project"]["scripts"]
    assert json.loads(found["CMD"])[0] in _NAMES
    uid = found["USER"].partition(":")[0]
    assert int(uid) > 0
    assert found["HEALTHCHECK"].endswith("]")
    check = json.loads(found["HEALTHCHECK"].partition("CMD ")[2])
    compile(check[2], "healthcheck", "exec")
    variables = re.findall(r"RECORDER_[A-Z0-9_]+", (DEPLOY / "Dockerfile").read_text())
    assert [name for name in variables if not known(name)] == []


def test_the_compose_file_sets_only_what_the_service_reads() -> None:
    variables = set(re.findall(r"^ +(RECORDER_[A-Z0-9_]+):", COMPOSE, re.MULTILINE))
    assert len(variables) > 10
    assert {name for name in variables if not known(name)} == set()


def test_the_compose_file_names_files_that_are_there_or_are_made() -> None:
    mounted = re.findall(r"^ +- (\./[^:]+):", COMPOSE, re.MULTILINE)
    assert len(mounted) == 4
    for path in mounted:
        assert path == "./tls" or (DEPLOY / path).exists(), path
    secrets = set(re.findall(r"file: \./secrets/(\w+)", COMPOSE))
    made = set(re.findall(r"^keep (\w+)", (DEPLOY / "make-secrets.sh").read_text(), re.MULTILINE))
    assert secrets == made
    used = set(re.findall(r"/run/secrets/(\w+)", COMPOSE))
    assert used == secrets


def test_the_compose_file_starts_real_commands_and_the_store_of_the_tests() -> None:
    ours = [
        command for command in re.findall(r"command: \[([\w-]+)[\],]", COMPOSE)
        if command not in ("postgres", "valkey-server")
    ]  # fmt: skip
    assert ours == ["serve", "work", "live", "migrate"]
    assert set(ours) <= _NAMES
    source = s3.SOURCES["versitygw"]
    assert f"{source.package}@{source.version}" in (DEPLOY / "versitygw/Dockerfile").read_text()


def test_the_proxy_and_the_compose_file_know_each_other() -> None:
    conf = (DEPLOY / "nginx/recorder.conf").read_text()
    for host, port in re.findall(r"^ +server (\w+):(\d+)", conf, re.MULTILINE):
        assert re.search(rf"^  {host}: \*web$", COMPOSE, re.MULTILINE), host
        assert f"RECORDER_LISTEN=0.0.0.0:{port}" in (DEPLOY / "Dockerfile").read_text()
    addresses = set(re.findall(r"172\.\d+\.\d+\.\d+(?!/|\d)", COMPOSE))
    # The service believes the one address that nginx has.
    assert len(addresses) == 1


# --- nginx ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line",
    [
        "client_max_body_size 0;",
        "proxy_request_buffering off;",
        "proxy_buffering off;",
        "proxy_http_version 1.1;",
        'proxy_set_header Connection "";',
        "proxy_set_header Host $http_host;",
        "proxy_set_header X-Forwarded-For $remote_addr;",
        "ssl_protocols TLSv1.2 TLSv1.3;",
    ],
)
def test_the_proxy_says_what_uploads_need(line: str) -> None:
    assert f"    {line}\n" in (DEPLOY / "nginx/recorder.conf").read_text()


def test_the_proxy_waits_longer_for_a_silent_sender_than_the_service() -> None:
    conf = (DEPLOY / "nginx/recorder.conf").read_text()
    (seconds,) = re.findall(r"client_body_timeout (\d+)s;", conf)
    assert int(seconds) > Config.model_fields["upload_silence_s"].default


def test_the_log_of_the_proxy_keeps_no_addresses() -> None:
    conf = (DEPLOY / "nginx/recorder.conf").read_text()
    layout = conf.partition("log_format recorder")[2].partition(";")[0]
    secret = ("$request ", "$request'", "$uri", "$request_uri", "$args", "$http_", "$document_uri")
    assert [name for name in secret if name in layout] == []


# --- systemd -------------------------------------------------------------------------------------


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_a_unit_starts_a_real_command_with_few_rights(unit: Path) -> None:
    text = unit.read_text()
    values = dict(re.findall(r"^(\w+)=(.*)$", text, re.MULTILINE))
    program, command, *_ = values["ExecStart"].split()
    assert program.endswith("/bin/recorder")
    assert command in _NAMES
    wanted = {
        "User": "recorder",
        "NoNewPrivileges": "yes",
        "ProtectSystem": "strict",
        "PrivateTmp": "yes",
        "ProtectHome": "yes",
        "CapabilityBoundingSet": "",
    }
    assert {name: values[name] for name in wanted} == wanted
    assert re.fullmatch(r"\d+[MG]", values["MemoryMax"])
    # An allow-list could leave Landlock out, and decoders make code as they run.
    assert values["SystemCallFilter"].startswith("~")
    assert "MemoryDenyWriteExecute" not in values
    settings = re.findall(r"RECORDER_[A-Z0-9_]+", text)
    assert [name for name in settings if not known(name)] == []


def test_there_is_a_unit_for_each_process_of_the_service() -> None:
    assert [unit.name for unit in UNITS] == [
        "recorder-live.service",
        "recorder-migrate.service",
        "recorder-web.service",
        "recorder-worker@.service",
    ]


def test_what_waits_of_livestreams_lies_where_it_outlives_the_process() -> None:
    unit = (DEPLOY / "systemd" / "recorder-live.service").read_text()
    assert "RECORDER_LIVE_SPOOL_FOLDER=/var/lib/recorder/spool\n" in unit
    assert "StateDirectory=recorder recorder/keys recorder/spool\n" in unit
    assert "RECORDER_LIVE_SPOOL_FOLDER: /var/lib/recorder/spool\n" in COMPOSE
    assert "- spool:/var/lib/recorder/spool\n" in COMPOSE
    assert re.search(r"^volumes:\n(?:  \w+:\n)*  spool:\n", COMPOSE, re.MULTILINE)
    # A publisher's key is a token: outside it goes by TLS only.
    published = COMPOSE.partition("command: [live, serve]")[2].partition("\n    volumes:")[0]
    assert re.findall(r"\d+:\d+", published) == ["1936:1936"]
    assert "RECORDER_LIVE_RTMPS_LISTEN: 0.0.0.0:1936\n" in COMPOSE


def test_processes_without_a_web_address_tell_their_figures() -> None:
    for process, command in (("worker@", "work"), ("live", "live, serve")):
        unit = (DEPLOY / "systemd" / f"recorder-{process}.service").read_text()
        # Neither a port that two workers would want nor one that others reach.
        assert re.search(r"^Environment=RECORDER_METRICS_LISTEN=127\.0\.0\.1:9\d+", unit, re.M)
        assert ("%i" in unit.partition("METRICS_LISTEN=")[2].splitlines()[0]) == ("@" in process)
        block = COMPOSE.partition(f"command: [{command}]")[2].partition("\n\n")[0]
        assert "RECORDER_METRICS_LISTEN: 0.0.0.0:9101\n" in block


# --- PostgreSQL ----------------------------------------------------------------------------------


def test_the_roles_are_those_of_the_embedded_server() -> None:
    script = (DEPLOY / "postgres/roles.sql").read_text()
    for role in (
        embedded_postgres.OWNER_ROLE, embedded_postgres.SERVICE_ROLE, embedded_postgres.LOGIN_ROLE
    ):  # fmt: skip
        assert f"('{role}'," in script
    assert f"GRANT {embedded_postgres.SERVICE_ROLE} TO {embedded_postgres.LOGIN_ROLE};" in script


# --- what the texts say --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "page",
    ["deploy/README.md", "docs/guide/install.md", "docs/guide/install.zh-CN.md",
     "docs/guide/operate.md"],
)  # fmt: skip
def test_the_guides_name_settings_commands_and_files_that_exist(page: str) -> None:
    text = (ROOT / page).read_text()
    settings = set(re.findall(r"RECORDER_[A-Z0-9_]+[A-Z0-9]", text))
    assert {name for name in settings if not known(name)} == set()
    commands = set(re.findall(r"(?:^|[`/ ])recorder ([a-z]+)(?=[ `\n])", text))
    prose = {"is", "are", "and", "or", "as", "service", "recorder"}
    assert commands - prose <= _NAMES
    for target in re.findall(r"\]\(([^)#]+)", text):
        if "://" not in target:
            assert ((ROOT / page).parent / target).exists(), target
