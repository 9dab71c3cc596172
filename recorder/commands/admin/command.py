"""``recorder admin``: agencies, people, devices, docks and tokens, by whoever runs the server.

Acts as the operator, who sees every agency; what it does is recorded like everything else. An
agency that a command names and that does not exist is made, and said so. With ``--json`` standard
output holds one JSON object and nothing else; secrets are shown once and never again.
"""

from __future__ import annotations

import argparse
import asyncio
import getpass
import json
import os
import sys
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeAlias

from recorder.commands.admin import systems
from recorder.config import Config, read_config
from recorder.domain.ids import TokenId
from recorder.domain.instant import Instant
from recorder.domain.people import OPERATOR
from recorder.errors import Conflict, InvalidInput, RecorderError
from recorder.runtime import Deps, open_deps
from recorder.services import accounts, organs, registry, second_factor
from recorder.store import migrate

Answer = dict[str, object]
Act = Callable[[Deps, argparse.Namespace], Awaitable[Answer]]
Verbs: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"

_NAME = "recorder admin"


# --- arguments -------------------------------------------------------------------------------


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``recorder admin``."""
    parser.description = "Agencies, people, devices, docks and tokens."
    _folder_argument(parser, default=None)
    kinds = parser.add_subparsers(dest="kind", required=True, metavar="KIND")
    _add_agency(_verbs(kinds, "agency", "enforcement agencies"))
    _add_user(_verbs(kinds, "user", "people who sign in"))
    _add_device(_verbs(kinds, "device", "body cameras and other makers of footage"))
    _add_dock(_verbs(kinds, "dock", "docking stations, which upload for many devices"))
    _add_token(_verbs(kinds, "token", "tokens for other programs"))
    systems.add_gateway(_verbs(kinds, "gateway", "media servers of others"), _leaf)
    systems.add_feed(_verbs(kinds, "feed", "case systems that feed cases"), _leaf)
    link = _leaf(kinds, "login-link", "an address that signs a person in once", _login_link)
    link.add_argument("login", metavar="LOGIN")


def _verbs(kinds: Verbs, name: str, about: str) -> Verbs:
    parser = kinds.add_parser(name, help=about, description=f"{about[0].upper()}{about[1:]}.")
    return parser.add_subparsers(dest="verb", required=True, metavar="VERB")


def _leaf(verbs: Verbs, name: str, about: str, act: Act) -> argparse.ArgumentParser:
    parser = verbs.add_parser(name, help=about, description=f"{about[0].upper()}{about[1:]}.")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    _folder_argument(parser, default=argparse.SUPPRESS)
    parser.set_defaults(act=act)
    return parser


def _folder_argument(parser: argparse.ArgumentParser, *, default: object) -> None:
    # Taken before and after the verb; the later one counts.
    parser.add_argument(
        "--data",
        type=Path,
        metavar="DIR",
        default=default,
        help="data folder of an embedded server, running or not; else the environment counts",
    )


def _add_agency(verbs: Verbs) -> None:
    add = _leaf(verbs, "add", "add an agency", _agency_add)
    add.add_argument("code", metavar="CODE")
    add.add_argument("--name", help="its name; the code if none is given")


def _add_user(verbs: Verbs) -> None:
    add = _leaf(verbs, "add", "add a person", _user_add)
    add.add_argument("login", metavar="NAME", help="the login")
    add.add_argument("--role", required=True, metavar="ROLE", choices=accounts.PEOPLES_ROLES)
    add.add_argument("--name", dest="full_name", help="the name that pages show")
    add.add_argument("--officer", metavar="NO", help="the officer's number, for who wears cameras")
    add.add_argument("--city", action="store_true", help="sees every agency")
    _agency_argument(add)
    _password_argument(add)
    password = _leaf(verbs, "password", "set a password anew; ends all sessions", _user_password)
    password.add_argument("login", metavar="LOGIN")
    _password_argument(password)
    for name, about in (("suspend", "let nobody sign in by it"), ("activate", "undo suspend")):
        change = _leaf(verbs, name, about, _user_state)
        change.add_argument("login", metavar="LOGIN")
        _reason_argument(change)
        change.set_defaults(suspended=name == "suspend")
    factor = _leaf(
        verbs, "end-second-factor", "ask no code any more, for who lost app and codes", _user_factor
    )
    factor.add_argument("login", metavar="LOGIN")
    _reason_argument(factor)


def _add_device(verbs: Verbs) -> None:
    add = _leaf(verbs, "add", "add a device and print its token", _device_add)
    add.add_argument("number", metavar="NUMBER", help="the number that it writes itself")
    _agency_argument(add)
    for name, state in (("suspend", "suspended"), ("lost", "lost"), ("activate", "active")):
        change = _leaf(verbs, name, f"say that it is {state}", _device_state)
        change.add_argument("number", metavar="NUMBER")
        _reason_argument(change)
        change.set_defaults(state=state)
    over = _leaf(verbs, "hand-over", "note who wears it from now on", _device_hand_over)
    over.add_argument("number", metavar="NUMBER")
    who = over.add_mutually_exclusive_group(required=True)
    who.add_argument("--officer", metavar="NO")
    who.add_argument("--returned", action="store_true", help="nobody: it was handed back")
    over.add_argument("--at", metavar="TIME", help="since when, RFC 3339; else now")
    enrol = _leaf(verbs, "enrol", "print a one-time code for its own token", _device_enrol)
    enrol.add_argument("number", metavar="NUMBER")
    revoke = _leaf(verbs, "revoke-tokens", "make all its tokens worthless", _device_revoke)
    revoke.add_argument("number", metavar="NUMBER")
    _reason_argument(revoke)


def _add_dock(verbs: Verbs) -> None:
    add = _leaf(verbs, "add", "add a dock and print its token", _dock_add)
    add.add_argument("name", metavar="NAME")
    _agency_argument(add)


def _add_token(verbs: Verbs) -> None:
    add = _leaf(verbs, "add", "print a token for a program", _token_add)
    add.add_argument("name", metavar="NAME")
    add.add_argument("--role", required=True, metavar="ROLE")
    add.add_argument("--city", action="store_true", help="sees every agency")
    _agency_argument(add)
    revoke = _leaf(verbs, "revoke", "make a token worthless", _token_revoke)
    revoke.add_argument("token_id", metavar="TOKEN-ID")
    _reason_argument(revoke)


def _agency_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--agency", metavar="CODE", help="else the server's own agency")


def _reason_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--reason", required=True, metavar="TEXT")


def _password_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--password-stdin", action="store_true", help="read the password from standard input"
    )


# --- running ---------------------------------------------------------------------------------


def run(args: argparse.Namespace) -> int:
    """Exit 0 when it is done, 1 with a sentence on standard error when not."""
    try:
        if args.data is not None:
            _become_owner(args.data)
        answer = asyncio.run(_run(args))
    except RecorderError as error:
        _say(error.detail or error.code)
        return 1
    if args.json:
        print(json.dumps(answer, ensure_ascii=False))
    else:
        for name, value in answer.items():
            print(f"{name}: {value}")
    return 0


def _become_owner(data: Path) -> None:
    from recorder.embedded import identity, postgres

    os.umask(0o077)
    identity.become_owner(data, postgres.binaries() / "postgres")


async def _run(args: argparse.Namespace) -> Answer:
    async with _settings(args.data) as config, open_deps(config) as deps:
        await organs.ensure_own_agency(deps)
        agency = getattr(args, "agency", None)
        if agency is not None and await organs.ensure(deps, OPERATOR, agency):
            _say(f"The agency {agency} is new.")
        act: Act = args.act
        return await act(deps, args)


@asynccontextmanager
async def _settings(data: Path | None) -> AsyncIterator[Config]:
    if data is None:
        config = read_config()
        if await migrate.pending(config.database_url.get_secret_value()):
            raise Conflict("schema-older", "The database is not ready: run `recorder migrate`.")
        yield config
        return
    # The servers' programs are not installed where a full deployment runs.
    from recorder.embedded.stack import addresses_of, service_environment

    async with addresses_of(data, report=_say) as addresses:
        yield read_config(service_environment(data.absolute(), addresses, base=dict(os.environ)))


def _say(sentence: str) -> None:
    print(f"{_NAME}: {sentence}", file=sys.stderr)


def _password(args: argparse.Namespace) -> str:
    if args.password_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        raise InvalidInput(
            "password-missing", "Give the password on standard input with --password-stdin."
        )
    password = getpass.getpass("Password: ")
    if getpass.getpass("Again: ") != password:
        raise InvalidInput("password-missing", "The two passwords differ.")
    return password


# --- what each line does ---------------------------------------------------------------------


async def _agency_add(deps: Deps, args: argparse.Namespace) -> Answer:
    agency = await organs.add_agency(deps, OPERATOR, code=args.code, name=args.name or args.code)
    return {"agency": agency.code, "name": agency.name}


async def _user_add(deps: Deps, args: argparse.Namespace) -> Answer:
    person = await accounts.add_person(
        deps,
        OPERATOR,
        login=args.login,
        name=args.full_name,
        role=args.role,
        password=await asyncio.to_thread(_password, args),
        agency=args.agency,
        city=args.city,
        officer=args.officer,
    )
    return {"login": person.login, "role": person.role.value, "agency": person.agency_code}


async def _user_password(deps: Deps, args: argparse.Namespace) -> Answer:
    password = await asyncio.to_thread(_password, args)
    await accounts.change_password(deps, OPERATOR, login=args.login, password=password)
    return {"login": args.login}


async def _user_state(deps: Deps, args: argparse.Namespace) -> Answer:
    await accounts.set_person_suspended(
        deps, OPERATOR, login=args.login, suspended=args.suspended, reason=args.reason
    )
    return {"login": args.login, "state": "suspended" if args.suspended else "active"}


async def _login_link(deps: Deps, args: argparse.Namespace) -> Answer:
    secret = await accounts.make_login_link(deps, OPERATOR, login=args.login)
    hours = int(accounts.LOGIN_LINK_LIFE.total_seconds() // 3600)
    base = (deps.config.public_url or "").rstrip("/")
    return {
        "login": args.login,
        "secret": secret,
        "url": f"{base}/login/{secret}",
        "hours": hours,
    }


async def _user_factor(deps: Deps, args: argparse.Namespace) -> Answer:
    await second_factor.end_of(deps, OPERATOR, login=args.login, reason=args.reason)
    return {"login": args.login, "second_factor": "ended"}


async def _device_add(deps: Deps, args: argparse.Namespace) -> Answer:
    added = await registry.add_device(deps, OPERATOR, number=args.number, agency=args.agency)
    return {
        "token": added.token,
        "token_id": str(added.token_id),
        "device": str(added.device.id),
        "number": added.device.number,
        "agency": added.device.agency_code,
        "verifier_key": deps.signer.verifier.to_text(),
    }


async def _device_state(deps: Deps, args: argparse.Namespace) -> Answer:
    device = await registry.device_by_number(deps, OPERATOR, args.number)
    changed = await registry.set_device_state(
        deps, OPERATOR, device=device.id, state=args.state, reason=args.reason
    )
    return {"number": changed.number, "state": changed.state}


async def _device_hand_over(deps: Deps, args: argparse.Namespace) -> Answer:
    device = await registry.device_by_number(deps, OPERATOR, args.number)
    at = Instant.parse(args.at).at if args.at else deps.clock.now()
    await registry.hand_over(deps, OPERATOR, device=device.id, officer=args.officer, at=at)
    return {"number": device.number, "officer": args.officer, "at": at.isoformat()}


async def _device_enrol(deps: Deps, args: argparse.Namespace) -> Answer:
    device = await registry.device_by_number(deps, OPERATOR, args.number)
    code = await registry.enrolment_code(deps, OPERATOR, device=device.id)
    return {"number": device.number, "code": code, "days": registry.CODE_LIFE.days}


async def _device_revoke(deps: Deps, args: argparse.Namespace) -> Answer:
    device = await registry.device_by_number(deps, OPERATOR, args.number)
    revoked = await registry.revoke_device_tokens(
        deps, OPERATOR, device=device.id, reason=args.reason
    )
    return {"number": device.number, "revoked": revoked}


async def _dock_add(deps: Deps, args: argparse.Namespace) -> Answer:
    added = await registry.add_dock(deps, OPERATOR, name=args.name, agency=args.agency)
    return {
        "token": added.token,
        "token_id": str(added.token_id),
        "dock": str(added.dock.id),
        "name": added.dock.name,
        "agency": added.dock.agency_code,
        "verifier_key": deps.signer.verifier.to_text(),
    }


async def _token_add(deps: Deps, args: argparse.Namespace) -> Answer:
    added = await registry.add_token(
        deps, OPERATOR, name=args.name, role=args.role, agency=args.agency, city=args.city
    )
    return {
        "token": added.secret,
        "token_id": str(added.token.id),
        "name": added.token.name,
        "role": added.token.role.value,
        "city": added.token.city,
    }


async def _token_revoke(deps: Deps, args: argparse.Namespace) -> Answer:
    try:
        token_id = TokenId(uuid.UUID(args.token_id))
    except ValueError as error:
        raise InvalidInput(
            "token-id-invalid", "Name the token by the token_id that was printed with it."
        ) from error
    await registry.revoke_token(deps, OPERATOR, token_id, reason=args.reason)
    return {"token_id": str(token_id), "state": "revoked"}
