"""What answers about gateways hold, and the one answer that all their hooks understand."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Annotated

from pydantic import Field

from recorder.services.gateways import AddedGateway, GatewayView
from recorder.store.gateways import Gateway, GatewayStream
from recorder.web.shape import Shape


class HookShape(Shape):
    """The answer to a hook. Every gateway reads the members it knows."""

    code: Annotated[int, Field(description="0: yes (SRS, ZLMediaKit)")] = 0
    msg: str = "success"
    close: Annotated[bool, Field(description="ZLMediaKit keeps what nobody watches")] = False
    realm: Annotated[str, Field(description="ZLMediaKit asks by on_publish, for RTSP too")] = ""
    err: Annotated[str, Field(description="ZLMediaKit: why a file is not given out")] = ""


class GatewayShape(Shape):
    """A media server of others that asks us about publishers."""

    id: uuid.UUID = Field(description="also that of the dock by which it uploads")
    name: str
    kind: str = Field(description="mediamtx, srs, zlmediakit or nginx-rtmp")
    agency: str
    trusted_apps: tuple[str, ...] = Field(
        description="applications whose publishers need no key: the stream names a device"
    )
    created_at: datetime
    revoked_at: datetime | None
    heard_at: datetime | None = Field(description="when it last said something, to the minute")

    @classmethod
    def of(cls, gateway: Gateway) -> GatewayShape:
        return cls(
            id=gateway.id,
            name=gateway.name,
            kind=gateway.kind.value,
            agency=gateway.agency_code,
            trusted_apps=gateway.trusted_apps,
            created_at=gateway.created_at,
            revoked_at=gateway.revoked_at,
            heard_at=gateway.heard_at,
        )


class GatewaysShape(Shape):
    """The gateways that the asker sees."""

    items: tuple[GatewayShape, ...]


class GatewaySecretShape(Shape):
    """Where the hooks of a gateway go."""

    hooks: str = Field(description="path of its hooks, with their secret; shown this once")

    @classmethod
    def of(cls, secret: str) -> GatewaySecretShape:
        return cls(hooks=hooks_path(secret))


class AddedGatewayShape(GatewayShape):
    """A new gateway with its credentials."""

    hooks: str = Field(description="path of its hooks, with their secret; shown this once")
    token: str = Field(description="bearer token that uploads its files, shown this once")

    @classmethod
    def of_added(cls, added: AddedGateway) -> AddedGatewayShape:
        shape = GatewayShape.of(added.gateway)
        return cls(**dict(shape), hooks=hooks_path(added.secret), token=added.token)


class GatewayStreamShape(Shape):
    """What hooks said of one stream: hints, in whatever order they came."""

    stream: str
    protocol: str | None
    accepted: int
    accepted_at: datetime | None
    accepted_address: str | None
    began_at: datetime | None
    ended_at: datetime | None
    refused: int
    refused_at: datetime | None
    refused_address: str | None
    refusal: str | None = Field(
        description="key-missing, key-unknown, key-in-name, stream-unknown, agency-contradicted"
    )
    heard_at: datetime

    @classmethod
    def of(cls, stream: GatewayStream) -> GatewayStreamShape:
        return cls(
            stream=stream.stream,
            protocol=stream.protocol,
            accepted=stream.accepted,
            accepted_at=stream.accepted_at,
            accepted_address=stream.accepted_address,
            began_at=stream.began_at,
            ended_at=stream.ended_at,
            refused=stream.refused,
            refused_at=stream.refused_at,
            refused_address=stream.refused_address,
            refusal=stream.refusal,
            heard_at=stream.heard_at,
        )


class AwaitedFileShape(Shape):
    """A file that the gateway said is finished and that has not come."""

    path: str
    announced_at: datetime


class GatewayViewShape(GatewayShape):
    """One gateway with the streams it spoke of, refused ones too, newest first."""

    streams: tuple[GatewayStreamShape, ...]
    awaited: tuple[AwaitedFileShape, ...] = Field(
        description="files that it said are finished and that have not come, the oldest first"
    )

    @classmethod
    def of_view(cls, view: GatewayView) -> GatewayViewShape:
        shape = GatewayShape.of(view.gateway)
        return cls(
            **dict(shape),
            streams=tuple(map(GatewayStreamShape.of, view.streams)),
            awaited=tuple(
                AwaitedFileShape(path=file.path, announced_at=file.announced_at)
                for file in view.awaited
            ),
        )


def hooks_path(secret: str) -> str:
    """The path that hooks of a gateway are sent to."""
    return f"/api/v1/gateways/hooks/{secret}"
