"""The part of ``recorder admin`` that is about systems of others: gateways and sources of cases."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from recorder.domain.gateway import GatewayKind
from recorder.domain.people import OPERATOR
from recorder.runtime import Deps
from recorder.services import gateways
from recorder.services.feeding import pulling, sources

if TYPE_CHECKING:
    Verbs: TypeAlias = argparse._SubParsersAction[argparse.ArgumentParser]

Answer = dict[str, object]
Act = Callable[[Deps, argparse.Namespace], Awaitable[Answer]]
#: Declares one verb: where, its name, what it is about, what it does.
Leaf: TypeAlias = "Callable[[Verbs, str, str, Act], argparse.ArgumentParser]"


def add_gateway(verbs: Verbs, leaf: Leaf) -> None:
    """Declare ``recorder admin gateway``."""
    add = leaf(verbs, "add", "add one; print its hooks' address and its token", _gateway_add)
    add.add_argument("name", metavar="NAME")
    add.add_argument("--kind", required=True, choices=[kind.value for kind in GatewayKind])
    add.add_argument(
        "--trust-app", dest="apps", action="append", default=[], metavar="APP",
        help="publishers of this application need no key (GB/T 28181); repeatable",
    )  # fmt: skip
    add.add_argument("--agency", metavar="CODE", help="else the server's own agency")
    for verb, about in (("renew", "print another secret"), ("revoke", "let no hook count")):
        change = leaf(verbs, verb, about, _gateway_change)
        change.add_argument("name", metavar="NAME")
        change.add_argument("--reason", required=True, metavar="TEXT")
        change.set_defaults(renew=verb == "renew")


def add_feed(verbs: Verbs, leaf: Leaf) -> None:
    """Declare ``recorder admin feed``."""
    add = leaf(verbs, "add", "add a source and print its token", _feed_add)
    add.add_argument("name", metavar="NAME", help="its word in the address /api/v1/feed/NAME")
    add.add_argument("--agency", metavar="CODE", help="else the server's own agency")
    add.add_argument("--city", action="store_true", help="speaks for every agency")
    add.add_argument("--rows-per-minute", type=int, metavar="N", help="its quota")
    about = "fetch rows for it: by a query, from a folder or a bucket"
    pull = leaf(verbs, "pull", about, _feed_pull)
    pull.add_argument("name", metavar="NAME")
    where = pull.add_mutually_exclusive_group(required=True)
    where.add_argument("--folder", type=Path, metavar="DIR", help="files *.ndjson, *.csv")
    where.add_argument("--query", type=Path, metavar="FILE", help="a SELECT with $1 the watermark;"
                       " the database's address is read from standard input")  # fmt: skip
    where.add_argument("--bucket", metavar="ADDRESS", help="https://HOST/BUCKET/PREFIX; access key"
                       " and secret key are read from standard input, a line each")  # fmt: skip
    pull.add_argument("--region", default="us-east-1", metavar="NAME", help="of the bucket")
    pull.add_argument("--backfill", action="store_true", help="its rows are of the past: evaluated"
                      " behind what happens today")  # fmt: skip
    pull.add_argument("--every", type=int, default=60, metavar="SECONDS")
    ended = leaf(verbs, "stop-pull", "fetch nothing for it any more", _feed_stop_pull)
    ended.add_argument("name", metavar="NAME")
    ended.add_argument("--reason", required=True, metavar="TEXT")
    for name, about in (("suspend", "take no rows of it"), ("activate", "undo suspend")):
        change = leaf(verbs, name, about, _feed_state)
        change.add_argument("name", metavar="NAME")
        change.add_argument("--reason", required=True, metavar="TEXT")
        change.set_defaults(suspended=name == "suspend")


async def _gateway_add(deps: Deps, args: argparse.Namespace) -> Answer:
    added = await gateways.add_gateway(
        deps, OPERATOR, name=args.name, kind=GatewayKind(args.kind), trusted_apps=args.apps,
        agency=args.agency,
    )  # fmt: skip
    return {
        "gateway": str(added.gateway.id),
        "name": added.gateway.name,
        "hooks": f"/api/v1/gateways/hooks/{added.secret}",
        "token": added.token,
        "verifier_key": deps.signer.verifier.to_text(),
    }


async def _gateway_change(deps: Deps, args: argparse.Namespace) -> Answer:
    found = await gateways.gateway_named(deps, OPERATOR, args.name)
    if args.renew:
        secret = await gateways.renew_secret(deps, OPERATOR, found.id, reason=args.reason)
        return {"name": found.name, "hooks": f"/api/v1/gateways/hooks/{secret}"}
    await gateways.revoke(deps, OPERATOR, found.id, reason=args.reason)
    return {"name": found.name, "state": "revoked"}


async def _feed_add(deps: Deps, args: argparse.Namespace) -> Answer:
    added = await sources.add_source(
        deps,
        OPERATOR,
        name=args.name,
        agency=args.agency,
        city=args.city,
        rows_per_minute=args.rows_per_minute,
    )
    return {
        "token": added.token,
        "name": added.source.name,
        "agency": added.source.agency_code,
        "city": added.source.city,
        "rows_per_minute": added.source.rows_per_minute,
    }


async def _feed_state(deps: Deps, args: argparse.Namespace) -> Answer:
    changed = await sources.set_state(
        deps, OPERATOR, args.name, suspended=args.suspended, reason=args.reason
    )
    return {"name": changed.name, "state": "suspended" if changed.suspended_at else "active"}


async def _feed_pull(deps: Deps, args: argparse.Namespace) -> Answer:
    if args.folder is not None:
        pull = await pulling.add_folder(
            deps, OPERATOR, args.name, folder=args.folder, every_s=args.every,
            backfill=args.backfill,
        )  # fmt: skip
    elif args.bucket is not None:
        access_key, secret_key = await _line(), await _line()
        pull = await pulling.add_bucket(
            deps, OPERATOR, args.name, address=args.bucket, region=args.region,
            access_key=access_key, secret_key=secret_key, every_s=args.every,
            backfill=args.backfill,
        )  # fmt: skip
    else:
        query = await asyncio.to_thread(args.query.read_text, "utf-8")
        dsn = await _line()
        pull = await pulling.add_sql(
            deps, OPERATOR, args.name, dsn=dsn, query=query, every_s=args.every,
            backfill=args.backfill,
        )  # fmt: skip
    return {"name": args.name, "kind": pull.kind, "every_s": pull.every_s}


async def _line() -> str:
    """A secret: never an argument, which everybody on the machine could read."""
    line: str = await asyncio.to_thread(sys.stdin.readline)
    return line.strip()


async def _feed_stop_pull(deps: Deps, args: argparse.Namespace) -> Answer:
    stopped = await pulling.stop(deps, OPERATOR, args.name, reason=args.reason)
    return {"name": args.name, "stopped": stopped}
