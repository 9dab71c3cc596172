"""Config, read once from the environment; nothing else reads the environment.

Every variable begins with ``RECORDER_``; one that is not known stops the start with a sentence.
A secret may be given in a file instead: ``RECORDER_S3_SECRET_KEY_FILE``. docs/reference/
configuration.md lists each setting, and a test holds it to that.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, model_validator

from recorder.domain.source_address import Reach
from recorder.domain.upload import MIB
from recorder.errors import InvalidInput

PREFIX = "RECORDER_"
#: Scheme, host and port, as browsers write them; no wildcard.
_ORIGIN = r"https?://[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:\d{1,5})?"


class Config(BaseModel):
    """All settings. Lengths are in bytes, times in seconds, as the names say."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=False)

    #: PostgreSQL address of the service's own login (a member of recorder_service).
    database_url: SecretStr
    #: Address of the schema's owner; only `recorder migrate` and the embedded mode need it.
    owner_database_url: SecretStr | None = None
    database_connections: int = Field(10, ge=2, le=200)
    #: Redis address; without it workers find their work by asking PostgreSQL.
    redis_url: SecretStr | None = None

    #: Where footage lies: in a folder, or in an S3 store.
    objects: Literal["folder", "s3"] = "folder"
    objects_folder: Path | None = None
    #: Below this much free space uploads are answered with 507; None means max(5 GiB, 5 %).
    objects_floor_bytes: int | None = Field(None, ge=0)
    s3_endpoint: str | None = None
    s3_region: str = "us-east-1"
    s3_secure: bool = True
    s3_ca_file: Path | None = None
    s3_access_key: str | None = None
    s3_secret_key: SecretStr | None = None
    s3_bucket_originals: str = "originals"
    s3_bucket_renditions: str = "renditions"
    s3_bucket_staging: str = "staging"
    #: Make missing buckets at the start; off where an operator makes them.
    s3_make_buckets: bool = False
    store_threads: int = Field(8, ge=2, le=64)

    #: The shipped duty list that holds for agencies without one of their own.
    duty_profile: str = "cn-gd"

    #: Host and port of the web service.
    listen: str = "127.0.0.1:8080"
    tls_cert: Path | None = None
    tls_key: Path | None = None
    #: Where `recorder live serve` takes livestreams; by RTMPS with the certificate above.
    live_rtmp_listen: str = Field("127.0.0.1:1935", pattern=r"^.+:\d{1,5}$")
    live_rtmps_listen: str | None = Field(None, pattern=r"^.+:\d{1,5}$")
    #: The same by SRT (UDP); needs the system's libsrt.
    live_srt_listen: str | None = Field(None, pattern=r"^.+:\d{1,5}$")
    #: Networks that livestreams may be fetched from besides public ones, comma-separated.
    live_pull_networks: str = ""
    #: Networks that buckets of case systems may lie in besides public ones, comma-separated.
    feed_pull_networks: str = ""
    #: Networks that webhooks may reach besides public ones, comma-separated.
    webhook_networks: str = ""
    #: Where segments wait that store or database do not take; a local disk. None: in memory only.
    live_spool_folder: Path | None = None
    #: Bytes that may wait there, of all ingest processes of this machine together.
    live_spool_bytes: int = Field(8 * 1024 * MIB, ge=64 * MIB)
    #: The address people use, for links and cookies; None means as asked.
    public_url: str | None = None
    #: Addresses of reverse proxies whose X-Forwarded-For is believed, comma-separated.
    trusted_proxies: str = ""

    #: Ed25519 key that signs receipts, in the text form of signed notes; made if missing.
    signing_key_file: Path
    #: Name of the key in signed notes.
    service_name: str = Field("recorder", pattern=r"^[A-Za-z0-9._/-]{1,100}$")
    #: The agency that devices and people belong to when none is named.
    agency_code: str = Field("local", min_length=1, max_length=64)
    agency_name: str = Field("本机构", min_length=1, max_length=200)

    #: An upload without a new byte for this long is sealed as far as it came.
    upload_idle_s: int = Field(7 * 86400, ge=1)
    #: Bytes in memory for all uploads of one process together.
    upload_buffer_bytes: int = Field(128 * MIB, ge=32 * MIB)
    #: Bytes in memory for the bodies of pushed segments and chunks of one process together.
    live_bodies_bytes: int = Field(256 * MIB, ge=64 * MIB)
    #: Silence of a sender after which its connection is ended.
    upload_silence_s: int = Field(60, ge=1)
    #: A received tail is made durable at least this often.
    upload_flush_s: int = Field(30, ge=1)
    #: A device clock further off than this is flagged (R21).
    clock_offset_limit_s: int = Field(60, ge=1)
    #: Originals are kept locked at least this long ahead.
    lock_ahead_s: int = Field(30 * 86400, ge=86400)

    #: Running livestreams that one process converts at a time for browsers that cannot play them.
    live_proxies: int = Field(4, ge=0, le=64)
    #: A livestream to which nothing comes for this long is shown as interrupted.
    live_interrupted_s: int = Field(6, ge=1)
    #: Then for this long: it is closing.
    live_idle_close_s: int = Field(600, ge=1)
    #: How long a livestream that is closing waits for what is missing.
    live_closing_s: int = Field(86_400, ge=1)
    #: Originals of closed livestreams are put into objects of up to this many bytes.
    compact_object_bytes: int = Field(4096 * MIB, ge=MIB, le=65_536 * MIB)

    session_ttl_s: int = Field(12 * 3600, ge=60)
    #: A session that nobody has used for this long has ended.
    session_idle_s: int = Field(30 * 60, ge=60)
    playback_ttl_s: int = Field(600, ge=10)
    #: Origins whose pages may show a case in a frame, comma-separated; empty: none.
    embed_origins: str = Field("", pattern=rf"^({_ORIGIN}(,{_ORIGIN})*)?$")
    #: How long an address for such a frame counts.
    embed_ttl_s: int = Field(1800, ge=60, le=86_400)
    #: Refused sign-ins for one login, and for one address, within 15 minutes.
    sign_in_tries: int = Field(8, ge=1)
    sign_in_tries_per_address: int = Field(60, ge=1)
    #: Roles that do nothing without a second factor, comma-separated; empty: whoever wants one.
    second_factor_roles: str = Field(
        "", pattern=r"^((officer|supervisor|administrator)(,(officer|supervisor|administrator))*)?$"
    )
    #: Of one asker within a minute, in all processes together; 0: as many as they like.
    searches_per_minute: int = Field(300, ge=0, le=1_000_000)
    upload_openings_per_minute: int = Field(600, ge=0, le=1_000_000)
    gateway_hooks_per_minute: int = Field(6000, ge=0, le=1_000_000)
    #: What a gateway told of and has not come for so long is an alarm.
    gateway_awaited_s: int = Field(1800, ge=60)
    #: Streams of news that one asker has open, in all processes together; 0: no limit.
    streams_at_once: int = Field(20, ge=0)
    #: Connections that one address has with one process; 0: no limit.
    connections_per_address: int = Field(1000, ge=0)

    #: Path of the ffmpeg to use; empty means the one in PATH.
    ffmpeg: str = ""
    #: Folder for a worker's temporary files; None means the system's.
    work_folder: Path | None = None
    worker_io_jobs: int = Field(4, ge=1, le=64)
    worker_media_jobs: int = Field(1, ge=1, le=64)
    #: A run whose worker is silent this long is taken over.
    task_lease_s: int = Field(15, ge=2)
    #: ffmpeg that makes no progress this long is killed.
    media_stall_s: int = Field(60, ge=1)

    #: A sealed original is read back when its last reading is this long ago.
    fixity_every_s: int = Field(90 * 86400, ge=1)
    #: Bytes that the whole installation reads back for that in a day; 0: none.
    fixity_bytes_per_day: int = Field(500_000_000_000, ge=0)

    #: Host and port at which a worker tells its figures; None: it tells none.
    metrics_listen: str | None = Field(None, pattern=r"^.+:\d{1,5}$")
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    @model_validator(mode="after")
    def _complete(self) -> Config:
        if self.objects == "folder" and self.objects_folder is None:
            raise ValueError("RECORDER_OBJECTS_FOLDER must name the folder for footage")
        if self.objects == "s3" and not (
            self.s3_endpoint and self.s3_access_key and self.s3_secret_key
        ):
            raise ValueError(
                "RECORDER_S3_ENDPOINT, RECORDER_S3_ACCESS_KEY and RECORDER_S3_SECRET_KEY"
                " must all be set for the s3 store"
            )
        if (self.tls_cert is None) != (self.tls_key is None):
            raise ValueError("RECORDER_TLS_CERT and RECORDER_TLS_KEY go together")
        for name in ("live_pull_networks", "feed_pull_networks", "webhook_networks"):
            try:
                Reach.parse(getattr(self, name))
            except ValueError as error:
                raise ValueError(f"RECORDER_{name.upper()}: {error}") from error
        return self

    @property
    def embedding_origins(self) -> tuple[str, ...]:
        """The origins that may show a case in a frame."""
        return tuple(filter(None, self.embed_origins.split(",")))

    def needs_second_factor(self, role: str) -> bool:
        """Whether people of this role do nothing without a second factor."""
        return role in self.second_factor_roles.split(",")

    @property
    def upload_idle(self) -> timedelta:
        return timedelta(seconds=self.upload_idle_s)


def _is_secret(name: str) -> bool:
    field = Config.model_fields.get(name)
    return field is not None and "SecretStr" in str(field.annotation)


def read_config(environment: Mapping[str, str] | None = None) -> Config:
    """Read and check the settings; InvalidInput ``configuration-invalid`` says what is wrong."""
    source = os.environ if environment is None else environment
    values: dict[str, str] = {}
    for variable, text in source.items():
        if not variable.startswith(PREFIX):
            continue
        name = variable.removeprefix(PREFIX).lower()
        if name.endswith("_file") and _is_secret(name.removesuffix("_file")):
            values[name.removesuffix("_file")] = _secret_from(variable, text)
        elif name in Config.model_fields:
            values[name] = text
        else:
            raise InvalidInput(
                "configuration-invalid",
                f"{variable} is no setting of this service; see docs/reference/configuration.md.",
            )
    try:
        return Config.model_validate(values)
    except ValidationError as error:
        raise InvalidInput("configuration-invalid", _sentence(error)) from error


def _secret_from(variable: str, path: str) -> str:
    try:
        return Path(path).read_text("utf-8").strip()
    except OSError as error:
        raise InvalidInput(
            "configuration-invalid", f"{variable} names {path}, which cannot be read: {error}."
        ) from error


def _sentence(error: ValidationError) -> str:
    # Values are left out: one of them may be a secret.
    lines = []
    for problem in error.errors(include_input=False, include_url=False, include_context=False):
        name = PREFIX + "_".join(str(step) for step in problem["loc"]).upper()
        lines.append(f"{name if problem['loc'] else 'Settings'}: {problem['msg']}")
    return "; ".join(lines) + "."
