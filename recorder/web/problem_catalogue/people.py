"""Problems of people, devices, docks, tokens: who asks, and who may."""

from __future__ import annotations

from recorder.errors import Kind
from recorder.web.problem_catalogue.entry import Entry, of_kind

PROBLEMS: dict[str, Entry] = {
    **of_kind(
        Kind.INVALID,
        device_state_unknown=("Unknown state", "It is active, suspended or lost."),
        handover_time=("Impossible time", "Give a time not later than tomorrow."),
        locale_unknown=("Unknown language", "It is zh_CN or en."),
        name_invalid=("Invalid name", "Use 1 to 100 visible characters."),
        password_common=("Common password", "Take one that stands in no list."),
        code_wrong=("Wrong code", "Give the code that the app shows now."),
        password_wrong=("Wrong password", "Give the present password once more."),
        password_too_long=("Password too long", "Use 256 characters at most."),
        password_too_short=("Password too short", "Use 12 characters at least."),
        role_unknown=("Unknown role", "The detail lists the roles."),
    ),
    **of_kind(
        Kind.UNAUTHENTICATED,
        login_link_refused=("Link refused", "It was used or is too old; ask for another."),
        sign_in_code_refused=("Code refused", "Give the code that the app shows now."),
        sign_in_stale=("Sign-in stale", "Sign in again; the code is waited for five minutes."),
        sign_in_refused=("Sign-in refused", "Login or password is wrong."),
        credentials_missing=(
            "Not signed in",
            "Send `Authorization: Bearer TOKEN`, or sign in with a browser.",
        ),
        session_ended=("Session ended", "Sign in again."),
        token_invalid=("Malformed credential", "Send `Authorization: Bearer TOKEN`."),
        token_unknown=("Unknown token", "Have a new token made; this one is unknown or revoked."),
    ),
    **of_kind(
        Kind.FORBIDDEN,
        agency_scope=(
            "Not your agency",
            "Its own people do this, or somebody who sees every agency.",
        ),
        enrolment_refused=("Code refused", "Ask an administrator for a new code."),
        agency_missing=("No agency", "The token belongs to no agency; have a new one made."),
        device_suspended=("Device suspended", "A suspended device may upload and nothing else."),
        second_factor_missing=("Second factor needed", "Set it up on the page of your account."),
        permission_missing=("Not allowed", "Another role is needed for this."),
    ),
    **of_kind(
        Kind.NOT_FOUND,
        device_not_found=("No such device", "It is not there, or not your business."),
        second_factor_not_begun=("Not begun", "Press “Set up” on the page of your account."),
        session_not_found=("No such session", "It has ended already; load the list again."),
        person_not_found=("No such person", "It is not there, or not your business."),
        token_not_found=("No such token", "It is not there, or not your business."),
        agency_not_found=("No such agency", "Use the code of an agency you may act for."),
    ),
    **of_kind(
        Kind.CONFLICT,
        second_factor_set=("Second factor set", "End it before another one is set up."),
        second_factor_not_set=("No second factor", "There is nothing to end."),
        second_factor_required=("Second factor required", "Your role must have one."),
        agency_exists=("Agency exists", "Use the one that is there."),
        device_exists=("Device exists", "Numbers exist once, in whatever agency; use another."),
        device_state=("Device in another state", "Load the device again."),
        dock_exists=("Dock exists", "Give it another name."),
        handover_exists=(
            "Hand-over noted already",
            "Somebody else is noted at this very moment; choose another.",
        ),
        login_taken=("Login taken", "Choose another login."),
        person_state=("Person in another state", "Load the list again."),
        token_revoked=("Token revoked already", "Nothing is left to revoke."),
    ),
    **of_kind(
        Kind.RATE_LIMITED,
        sign_in_limited=("Too many tries", "Wait for Retry-After."),
    ),
}
