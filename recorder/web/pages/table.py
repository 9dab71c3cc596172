"""PAGE_ROUTES: every page and form with who may ask for it. Handlers are beside this module."""

from __future__ import annotations

from aiohttp import hdrs

from recorder.domain.limit import Limit
from recorder.domain.people import Permission
from recorder.domain.registry_columns import RegistryKind
from recorder.web.pages import (
    account,
    administration,
    approvals,
    assets,
    capture,
    cases,
    copies,
    coverage,
    duties,
    embeds,
    feeds,
    findings,
    livestreams,
    login,
    marking,
    proposals,
    recordings,
    registries,
    registry_lists,
    restricting,
    stating,
    work,
)
from recorder.web.route import Answer, Handler, Route


def _page(
    path: str, handler: Handler, permission: Permission, summary: str, limit: Limit | None = None
) -> Route:
    return Route(
        method=hdrs.METH_GET, path=path, handler=handler, permission=permission,
        summary=summary, answer=Answer(media_type="text/html"), described=False, limit=limit,
    )  # fmt: skip


def _form(path: str, handler: Handler, permission: Permission, summary: str) -> Route:
    return Route(
        method=hdrs.METH_POST, path=path, handler=handler, permission=permission,
        summary=summary, request_media_type="application/x-www-form-urlencoded",
        answer=Answer(status=303, media_type="text/html"), described=False,
    )  # fmt: skip


_P = Permission
_said_of = registry_lists.said_of
_ADMIN = "/administration"

PAGE_ROUTES: tuple[Route, ...] = (
    _page("/static/{version}/{name}", assets.serve, _P.PUBLIC, "A style sheet, script or icon."),
    _page("/sign-in", login.show_sign_in, _P.PUBLIC, "The form that signs in."),
    _page("/embed/{embed}", embeds.show, _P.PUBLIC, "A case in a frame of another system."),
    _form("/sign-in", login.sign_in, _P.PUBLIC, "Sign in by password."),
    _page("/sign-in/code", login.show_code, _P.PUBLIC, "The form for the code of an app."),
    _form("/sign-in/code", login.give_code, _P.PUBLIC, "Give the code of an app."),
    _page("/login/{secret}", login.show_link, _P.PUBLIC, "The button of a one-time login."),
    _form("/login/{secret}", login.use_link, _P.PUBLIC, "Sign in by a one-time address."),
    _form("/sign-out", login.sign_out, _P.SIGNED_IN, "End the session."),
    _form("/preferences", login.prefer, _P.PUBLIC, "Choose language, light or dark."),
    _page("/organisations", registries.organisations, _P.BROWSE, "The tree of organisations."),
    _page("/officers", registries.officers, _P.BROWSE, "Officers and their certificates."),
    _page("/rosters", registries.rosters, _P.BROWSE, "Who is on duty on a day."),
    _page("/matters", registries.matters, _P.BROWSE, "The list of powers."),
    _page("/organisations/{id}", _said_of(RegistryKind.ORGANISATIONS), _P.BROWSE,
          "What was ever said of an organisation."),
    _page("/officers/{id}", _said_of(RegistryKind.OFFICERS), _P.BROWSE,
          "What was ever said of an officer."),
    _page("/matters/{id}", _said_of(RegistryKind.MATTERS), _P.BROWSE,
          "What was ever said of a power."),
    _page("/subjects", registry_lists.subjects, _P.BROWSE, "Published subjects of enforcement."),
    _page("/subjects/publication", registry_lists.subjects, _P.BROWSE,
          "The subjects of a day as a page for publication."),
    _page("/subjects/{id}", _said_of(RegistryKind.SUBJECTS), _P.BROWSE,
          "What was ever said of a published subject."),
    _page("/entrustments", registry_lists.entrustments, _P.BROWSE, "Who acts in whose name."),
    _page("/entrustments/{id}", _said_of(RegistryKind.ENTRUSTMENTS), _P.BROWSE,
          "What was ever said of an entrustment."),
    _page("/holidays", registry_lists.holidays, _P.BROWSE, "A year as deadlines count it."),
    _page("/holidays/{id}", _said_of(RegistryKind.HOLIDAYS), _P.BROWSE,
          "What was ever said of a day."),
    _page("/import", registries.show_import, _P.ADMINISTER, "Take a table into a registry."),
    _form("/import", registries.take_import, _P.ADMINISTER, "Show what a table does, or take it."),
    _page("/account", account.show, _P.SIGNED_IN, "One's own password and sessions."),
    _form("/account/password", account.change_password, _P.SIGNED_IN,
          "Change one's own password."),
    _form("/account/sessions/end", account.end_others, _P.SIGNED_IN, "End one's other sessions."),
    _form("/account/sessions/{id}/end", account.end_session, _P.SIGNED_IN,
          "End one of one's own sessions."),
    _form("/account/second-factor/begin", account.begin_factor, _P.SIGNED_IN,
          "Begin to set up a second factor."),
    _page("/account/second-factor", account.show_factor, _P.SIGNED_IN,
          "What an app must know to make codes."),
    _page("/account/second-factor/picture", account.picture, _P.SIGNED_IN, "The same as QR code."),
    _form("/account/second-factor/confirm", account.confirm_factor, _P.SIGNED_IN,
          "Show that the app has it."),
    _form("/account/second-factor/codes", account.renew_codes, _P.SIGNED_IN,
          "New recovery codes."),
    _form("/account/second-factor/end", account.end_factor, _P.SIGNED_IN,
          "End one's second factor."),
    # Cases.
    _page("/", cases.find, _P.READ_CASES, "Find a case by its number.", Limit.SEARCH),
    _form("/cases", cases.open_case, _P.EDIT_CASES, "Open a case."),
    _page("/cases/{id}", cases.show, _P.READ_CASES, "A case with its timeline and player."),
    _form("/cases/{id}/confirm", cases.confirm, _P.EDIT_CASES, "Confirm a provisional case."),
    _form("/cases/{id}/amend", cases.amend, _P.EDIT_CASES, "Change the title, add a number."),
    _form("/cases/{id}/merge", cases.merge, _P.EDIT_CASES, "Merge into another case."),
    _form("/cases/{id}/recordings/{recording}/unlink", cases.unlink, _P.LINK, "End a link."),
    # Footage.
    _page("/recordings", recordings.pool, _P.BROWSE, "Lists of footage.", Limit.SEARCH),
    _form("/recordings/link", recordings.link_many, _P.LINK, "Link many recordings at once."),
    _page("/recordings/{id}", recordings.show, _P.BROWSE, "A recording with all its facts."),
    _page("/recordings/{id}/poster", recordings.poster, _P.WATCH, "Its still, or a sign for it."),
    _form("/recordings/{id}/link", recordings.link, _P.LINK, "Link a recording to a case."),
    _form("/recordings/{id}/gap-reasons", marking.give_gap_reason, _P.LINK, "Explain a gap."),
    _form("/recordings/{id}/restrictions", restricting.restrict, _P.LINK,
          "Restrict who may watch."),
    _form("/recordings/{id}/restrictions/{restriction}/lift", restricting.lift, _P.LIFT,
          "Lift a restriction."),
    _form("/recordings/{id}/provenance", stating.state, _P.LINK, "Say where it comes from."),
    _form("/recordings/{id}/copies/{recording}", copies.decide, _P.LINK, "Say if they are a pair."),
    _form("/recordings/{id}/release", copies.release, _P.RELEASE, "Release a live copy, or not."),
    _form("/recordings/{id}/admit", recordings.admit, _P.ADMIT, "Admit quarantined footage."),
    _page("/proposals", proposals.show, _P.BROWSE, "Footage whose case is doubtful."),
    _form("/recordings/{id}/proposals/{case}", proposals.decide, _P.LINK,
          "Accept or reject a case that footage may belong to."),
    _page("/quarantine", recordings.quarantine, _P.ADMIT, "Footage in quarantine.", Limit.SEARCH),
    # What had to be recorded.
    _page("/findings", findings.show_all, _P.READ_CASES, "Findings with filters.", Limit.SEARCH),
    _form("/findings/assign", findings.assign, _P.SETTLE_FINDINGS, "Who answers many findings."),
    _form("/findings/answer", findings.answer_many, _P.ANSWER, "Answer many findings."),
    _form("/findings/settle", findings.settle_many, _P.SETTLE_FINDINGS, "Settle many findings."),
    _page("/findings/{id}", findings.show, _P.READ_CASES, "A finding with its conversation."),
    _form("/findings/{id}/answer", findings.answer, _P.ANSWER, "Reply or appeal."),
    _form("/findings/{id}/settle", findings.settle, _P.SETTLE_FINDINGS, "Settle a finding."),
    _page("/coverage", coverage.show, _P.READ_CASES, "The dashboard, also as CSV and XLSX."),
    _page("/coverage/week", coverage.week, _P.READ_CASES, "The sheet of a week, for paper."),
    # A phone as camera.
    _page("/capture", capture.show, _P.UPLOAD, "The camera of whoever may upload."),
    _page("/capture/manifest.webmanifest", capture.manifest, _P.PUBLIC,
          "What the installed page is called and looks like."),
    _page("/capture-worker.js", capture.worker, _P.PUBLIC,
          "The script that opens the page without a line."),
    # Livestreams.
    _page("/livestreams", livestreams.wall, _P.BROWSE, "The wall of running livestreams."),
    _form("/livestreams", livestreams.open_one, _P.UPLOAD, "Open a livestream by RTMP."),
    _page("/livestreams/{id}", livestreams.show, _P.BROWSE, "A livestream, live and its facts."),
    _page("/livestreams/{id}/picture", livestreams.picture, _P.WATCH, "A fresh still, or a sign."),
    _form("/livestreams/{id}/close", livestreams.close, _P.UPLOAD, "Say that it is over."),
    # Duty lists.
    _page("/duty-lists", duties.find, _P.READ_CASES, "Versions of duty lists."),
    _form("/duty-lists", duties.draft, _P.EDIT_DUTIES, "Draft a version."),
    _page("/duty-lists/{id}", duties.show, _P.READ_CASES, "A duty list, for publication."),
    _page("/duty-lists/{id}/comparison", duties.compare, _P.READ_CASES, "Two versions compared."),
    _form("/duty-lists/{id}/propose", duties.decide, _P.EDIT_DUTIES,
          "Have a second person decide, or take that back."),
    _form("/duty-lists/{id}/decide", duties.settle, _P.APPROVE, "Approve or refuse a version."),
    _page("/approvals", approvals.show, _P.APPROVE, "What waits for a second person."),
    _form("/approvals/{id}/withdraw", approvals.withdraw, _P.APPROVE,
          "Take one's own proposal back."),
    # Work.
    _page("/work", work.show, _P.READ_WORK, "Transfers and tasks under way."),
    _page("/work/failed", work.failed, _P.READ_WORK, "Tasks that failed."),
    _form("/work/runs/{id}/retry", work.retry, _P.RETRY_WORK, "Start a failed task again."),
    _page("/checks", work.show_checks, _P.READ_WORK, "The last audits, the age of fixity."),
    _page("/gateways", work.show_gateways, _P.READ_WORK, "Gateways and whom they refused."),
    # Case systems.
    _page("/feeds", feeds.show, _P.READ_FEEDS, "Sources of the case feed and their pools."),
    _form("/feeds/{source}/mappings", feeds.map_code, _P.MEND_FEEDS, "Say what a code means."),
    _form("/feeds/proposals", feeds.decide, _P.EDIT_CASES, "Merge two cases, or not."),
    _page("/alarms", work.show_alarms, _P.READ_WORK, "Alarms."),
    _form("/alarms/{id}/acknowledge", work.acknowledge, _P.SETTLE_ALARMS, "Acknowledge an alarm."),
    _form("/alarms/{id}/clear", work.clear, _P.SETTLE_ALARMS, "Clear an alarm."),
    # Administration.
    _page(_ADMIN, administration.home, _P.ADMINISTER, "Administration."),
    _page(f"{_ADMIN}/people", administration.people, _P.ADMINISTER, "People."),
    _form(f"{_ADMIN}/people", administration.add_person, _P.ADMINISTER, "Add a person."),
    _form(f"{_ADMIN}/people/state", administration.set_person_state, _P.ADMINISTER,
          "Suspend a person, or end that."),
    _form(f"{_ADMIN}/people/password", administration.change_password, _P.ADMINISTER,
          "Set a person's password."),
    _form(f"{_ADMIN}/people/sessions", administration.end_sessions, _P.ADMINISTER,
          "End every session of a person."),
    _page(f"{_ADMIN}/devices", administration.devices, _P.ADMINISTER, "Devices."),
    _form(f"{_ADMIN}/devices", administration.add_device, _P.ADMINISTER, "Add a device."),
    _page(f"{_ADMIN}/devices/{{id}}", administration.device, _P.ADMINISTER, "A device."),
    _form(f"{_ADMIN}/devices/{{id}}/state", administration.set_device_state, _P.ADMINISTER,
          "Set the state of a device."),
    _form(f"{_ADMIN}/devices/{{id}}/handovers", administration.hand_over, _P.ADMINISTER,
          "Note who wears a device."),
    _form(f"{_ADMIN}/devices/{{id}}/code", administration.make_enrolment_code, _P.ADMINISTER,
          "Make an enrolment code."),
    _page(f"{_ADMIN}/docks", administration.docks, _P.ADMINISTER, "Docks."),
    _form(f"{_ADMIN}/docks", administration.add_dock, _P.ADMINISTER, "Add a dock."),
    _page(f"{_ADMIN}/tokens", administration.tokens, _P.ADMINISTER, "Tokens of programs."),
    _form(f"{_ADMIN}/tokens", administration.add_token, _P.ADMINISTER, "Add a token."),
    _form(f"{_ADMIN}/tokens/{{id}}/revoke", administration.revoke_token, _P.ADMINISTER,
          "Revoke a token."),
)  # fmt: skip
