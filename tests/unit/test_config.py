"""Settings: read once, checked whole, and never shown where they are secret."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError

from recorder.config import PREFIX, read_config
from recorder.errors import InvalidInput

LEAST = {
    "RECORDER_DATABASE_URL": "postgresql://secret-login@db/recorder",
    "RECORDER_OBJECTS_FOLDER": "/footage",
    "RECORDER_SIGNING_KEY_FILE": "/keys/signing",
}
S3 = {
    "RECORDER_OBJECTS": "s3",
    "RECORDER_S3_ENDPOINT": "s3.example:9000",
    "RECORDER_S3_ACCESS_KEY": "access",
    "RECORDER_S3_SECRET_KEY": "very-secret",
}


def refusal(**changes: str | None) -> str:
    environment = {**LEAST, **{f"{PREFIX}{name}": value for name, value in changes.items()}}
    with pytest.raises(InvalidInput) as refused:
        read_config({name: value for name, value in environment.items() if value is not None})
    assert refused.value.code == "configuration-invalid"
    return refused.value.detail


def test_three_settings_are_enough() -> None:
    config = read_config({**LEAST, "PATH": "/bin", "HOME": "/nowhere"})
    assert config.objects == "folder"
    assert config.redis_url is None
    assert config.upload_idle == timedelta(days=7)


@pytest.mark.parametrize("missing", sorted(LEAST))
def test_a_missing_setting_is_named(missing: str) -> None:
    name = missing.removeprefix(PREFIX)
    assert missing in refusal(**{name: None})


def test_an_unknown_setting_stops_the_start() -> None:
    detail = refusal(UPLOAD_IDEL_S="60")
    assert "RECORDER_UPLOAD_IDEL_S" in detail
    assert "docs/reference/configuration.md" in detail


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TASK_LEASE_S", "1"),
        ("WORKER_IO_JOBS", "many"),
        ("LOG_LEVEL", "loud"),
        ("UPLOAD_BUFFER_BYTES", "1"),
        ("SERVICE_NAME", "two words"),
        ("OBJECTS", "floppy"),
    ],
)
def test_a_wrong_value_is_named_without_being_repeated(name: str, value: str) -> None:
    detail = refusal(**{name: value})
    assert f"RECORDER_{name}" in detail


def test_a_wrong_secret_is_not_shown() -> None:
    detail = refusal(OBJECTS="s3", S3_SECRET_KEY="very-secret")
    assert "very-secret" not in detail
    assert "RECORDER_S3_ENDPOINT" in detail


def test_an_s3_store_needs_its_address_and_keys() -> None:
    assert read_config({**LEAST, **S3}).s3_secret_key is not None
    for name in ("S3_ENDPOINT", "S3_ACCESS_KEY", "S3_SECRET_KEY"):
        changes = {key.removeprefix(PREFIX): value for key, value in S3.items()}
        assert name in refusal(**{**changes, name: None})


def test_a_certificate_and_its_key_go_together() -> None:
    assert "RECORDER_TLS_CERT" in refusal(TLS_CERT="/cert")


def test_secrets_never_print() -> None:
    config = read_config({**LEAST, **S3})
    for shown in (repr(config), str(config), config.model_dump_json()):
        assert "very-secret" not in shown
        assert "secret-login" not in shown


def test_a_secret_may_lie_in_a_file(tmp_path: Path) -> None:
    held = tmp_path / "secret"
    held.write_text("from-file\n")
    environment = {**LEAST, **S3, "RECORDER_S3_SECRET_KEY_FILE": str(held)}
    del environment["RECORDER_S3_SECRET_KEY"]
    secret = read_config(environment).s3_secret_key
    assert secret is not None
    assert secret.get_secret_value() == "from-file"
    assert "RECORDER_REDIS_URL_FILE" in refusal(REDIS_URL_FILE=str(tmp_path / "none"))


def test_what_is_no_secret_has_no_file_twin() -> None:
    assert "RECORDER_LISTEN_FILE" in refusal(LISTEN_FILE="/x")


def test_settings_do_not_change_after_the_start() -> None:
    config = read_config(LEAST)
    with pytest.raises(ValidationError):
        setattr(config, "listen", "elsewhere:80")  # noqa: B010 - the type checker refuses it too
