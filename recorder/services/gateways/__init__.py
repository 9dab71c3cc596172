"""Gateways: media servers of others that ask us about publishers (docs/design/live-gateways.md).

Hooks are hints: nothing that is evidence follows from one.
"""

from recorder.services.gateways.asking import Verdict, actor_of, ask, gateway_of, hear
from recorder.services.gateways.awaiting import watch_awaited
from recorder.services.gateways.registering import (
    AddedGateway,
    GatewayView,
    add_gateway,
    gateway_named,
    list_gateways,
    renew_secret,
    revoke,
    view_gateway,
)

__all__ = [
    "AddedGateway",
    "GatewayView",
    "Verdict",
    "actor_of",
    "add_gateway",
    "ask",
    "gateway_named",
    "gateway_of",
    "hear",
    "list_gateways",
    "renew_secret",
    "revoke",
    "view_gateway",
    "watch_awaited",
]
