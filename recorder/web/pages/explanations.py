"""Reason words and problem codes as sentences for supervisors; ``words`` looks them up.

Each flag has a title and what it means for whoever decides about the footage. English message
ids; the catalogue has the Chinese.
"""

from __future__ import annotations

FLAGS: dict[str, tuple[str, str]] = {
    # Reason words of media (domain/media.py).
    "empty": (
        "Empty file",
        "The file has no byte. It is sealed as it arrived; look for the footage on the device.",
    ),
    "not_media": (
        "Not a media file",
        "The content is no video, sound or picture. It is sealed as it arrived and can be"
        " downloaded.",
    ),
    "no_index": (
        "Index missing",
        "The camera lost power before it wrote the index, so no player opens the file. The bytes"
        " are sealed; a laboratory may still recover pictures from the original.",
    ),
    "playlist": (
        "Playlist instead of footage",
        "The file only names other files or addresses. For safety it is not opened; it can be"
        " downloaded.",
    ),
    "too_large": (
        "Picture too large",
        "The picture is larger than the safe limit for decoding. The original can be downloaded.",
    ),
    "damaged": (
        "Damaged",
        "Some of the content cannot be decoded. What can be shown is shown; the original is"
        " sealed as it arrived.",
    ),
    "truncated": (
        "Cut short",
        "The file ends before it should, as when a camera loses power. It plays to where the"
        " data ends.",
    ),
    "still": ("Still picture", "This is a photograph."),
    "wrong_name": (
        "Name does not fit the content",
        "The content is of another kind than the file name says. It is shown by its content.",
    ),
    "moov_at_end": ("Index at the end", "Usual for cameras; seeking may start a little later."),
    "container_avi": ("AVI file", "Browsers do not play AVI; a viewing copy is made."),
    "container_mpegts": ("MPEG-TS file", "Browsers do not play MPEG-TS; a viewing copy is made."),
    "container_mpegps": ("MPEG-PS file", "Browsers do not play MPEG-PS; a viewing copy is made."),
    "codec_hevc": ("H.265 video", "Many browsers show no H.265 picture; a viewing copy is made."),
    "codec_av1": ("AV1 video", "Some browsers show no AV1 picture; a viewing copy is made."),
    "vfr": ("Variable frame rate", "Stepping by single frames is approximate."),
    "rotated": ("Rotated", "The camera was held turned; the player shows the picture upright."),
    "long_gop": ("Few key frames", "Seeking takes longer than usual."),
    "no_audio": ("No sound", "The recording has no sound track."),
    "no_video": ("No picture", "The recording holds sound only."),
    "audio_alaw": (
        "A-law sound",
        "Many browsers do not play this sound; a viewing copy is made.",
    ),
    "has_gps": ("Positions inside", "The file holds GPS positions."),
    "part": (
        "Part of a longer recording",
        "The camera splits long recordings; the next part is a recording of its own.",
    ),
    # Flags of the upload (domain/recording.py).
    "incomplete_upload": (
        "Upload not completed",
        "The upload ended before all bytes had come. What arrived is kept and sealed.",
    ),
    "clock_offset": (
        "Device clock is off",
        "The device's clock differed from the server's. Both times are kept; neither is corrected.",
    ),
    "zone_assumed": (
        "Time zone assumed",
        "The device sent times without a zone; China's (UTC+8) was taken.",
    ),
    "officer_conflict": (
        "Officers disagree",
        "The officer in the upload is not the one in the hand-over log. Both are in the events.",
    ),
    "placeholder_number": (
        "Placeholder number",
        "The file name holds a device or officer number that stands for nobody.",
    ),
    "metadata_malformed": (
        "Metadata not understood",
        "Something the device said could not be read. Its words are kept as they came.",
    ),
    "case_number_odd": (
        "Odd case number",
        "The case number does not look like the usual form. It was kept as written.",
    ),
    "live_gaps": (
        "Gaps in the livestream",
        "Parts of the livestream are missing or do not join. Each gap is kept with its cause.",
    ),
    "segment_conflict": (
        "Second version of a segment",
        "A segment came twice with different bytes. The first one counts; the other is kept too.",
    ),
    "sound_missing": (
        "Sound not taken",
        "Its source lists sound apart from the pictures, and it could not be taken, or not at"
        " times.",
    ),
    "tracks_left_out": (
        "Tracks not taken",
        "Its source offers more than is recorded: other languages, angles or kinds of tracks. The"
        " custody of its livestream names them.",
    ),
    "supplementary": (
        "Came after the closing",
        "These segments came when the livestream was a recording already, which they supplement.",
    ),
    "rebuilt": (
        "Found again",
        "The database was lost; this entry was made anew from the footage store and verified"
        " again. Earlier events are lost.",
    ),
}

QUARANTINE: dict[str, tuple[str, str]] = {
    "device_unknown": (
        "Unknown device",
        "No device of this number is registered. Register it, or admit the footage by hand.",
    ),
    "device_suspended": (
        "Suspended device",
        "The device was suspended when this footage came.",
    ),
    "device_contradicted": (
        "Contradicting device numbers",
        "The token, the upload and the file name do not name the same device.",
    ),
    "agency_contradicted": (
        "Device of another agency",
        "The device belongs to another agency than the sender.",
    ),
}

PROBLEMS: dict[str, str] = {
    "refused": "This was refused. Check what you entered and try again.",
    "form-invalid": "The form holds something unknown. Load the page again.",
    "reason-missing": "Give a reason; it stays with the history.",
    "reason-too-long": "The reason is too long (1,000 characters at most).",
    "title-too-long": "The title is too long (200 characters at most).",
    "stage-unknown": "Choose one of the six stages.",
    "scheme-unknown": "Choose one of the kinds of numbers.",
    "case-missing": "Name the case by its number.",
    "case-number-empty": "The case number holds no letter or digit.",
    "case-number-too-long": "The case number is too long.",
    "case-number-ambiguous": "Several cases have this number. Open the right one and link there.",
    "case-number-taken": "Another case of this agency has this number already; merge the two.",
    "case-not-found": "There is no such case, or it belongs to another agency.",
    "mention-not-found": "No person says that of this case; what a system says, it takes back.",
    "place-days-invalid": "A place is looked for within days that you name, 31 at most.",
    "joint-check-not-found": "No case that you may see belongs to this plan.",
    "case-merged": "This case was merged into another one.",
    "case-merge-itself": "A case cannot be merged into itself.",
    "case-merge-agency": "Cases of two agencies cannot be merged.",
    "case-confirmed": "The case is confirmed already.",
    "link-not-found": "The recording is not linked to this case any more.",
    "recording-not-found": "There is no such recording, or it belongs to another agency.",
    "gap-not-found": "This recording has no such gap.",
    "gap-reason-invalid": "Another reason needs a note, and none can be reported in the future.",
    "provenance-incomplete": "Say who handed it over and when; of other footage, why by hand.",
    "footage-restricted": "Who may watch this footage is restricted, and you may not.",
    "review-awaited": "Its content passed no review, so its original does not leave yet.",
    "review-not-needed": "Only footage of fixed monitoring has its content reviewed.",
    "restriction-not-found": "There is no such restriction, or it is lifted already.",
    "mark-not-found": "There is no such mark, or it is withdrawn already.",
    "mark-time-invalid": "No picture was shown at that time.",
    "mark-origin-invalid": "What a person marks, a person noticed.",
    "recordings-no-pair": "These two recordings are no pair.",
    "card-copy-decided": "That has been decided already.",
    "card-copy-missing": "No sealed card copy takes the place of this live copy yet.",
    "live-copy-released": "The live copy is released; take that back first.",
    "live-copy-decided": "That has been decided already.",
    "recording-not-quarantined": "This recording is not in quarantine any more.",
    "too-many-links": "Too many recordings at once; take 500 at most.",
    "agency-not-found": "There is no agency with this code.",
    "task-run-not-found": "There is no such task any more.",
    "task-run-not-failed": "This task runs again already.",
    "alarm-not-found": "There is no such alarm.",
    "alarm-acknowledged": "Somebody has acknowledged or cleared it already.",
    "alarm-cleared": "Somebody has cleared it already.",
    "login-taken": "There is a person with this login already.",
    "role-unknown": "Choose one of the roles.",
    "name-invalid": "A name or number is empty, too long, or holds unusable characters.",
    "password-too-short": "A password has at least 12 characters.",
    "password-common": "This password is in the lists that are tried first. Take another one.",
    "password-wrong": "The present password is another one.",
    "code-wrong": "This code is wrong, or was used already.",
    "sign-in-code-refused": "This code is wrong, or was used already.",
    "sign-in-stale": "Too much time has passed. Sign in again.",
    "second-factor-missing": "Your role needs a second factor. Set it up under “My account”.",
    "second-factor-not-begun": "Press “Set up” first.",
    "proposal-closed": "This has been decided already. Load the page again.",
    "decision-unknown": "Accept or reject it.",
    "second-factor-set": "A second factor is on already. Turn it off first.",
    "second-factor-not-set": "This person has no second factor.",
    "second-factor-required": "Your role must have a second factor.",
    "session-not-found": "This session has ended already.",
    "password-too-long": "A password has at most 256 characters.",
    "person-not-found": "There is no person with this login.",
    "person-state": "The person is in that state already.",
    "device-exists": "There is a device with this number already.",
    "device-not-found": "There is no such device.",
    "device-state": "The state of the device does not allow this.",
    "device-state-unknown": "Choose one of the states of a device.",
    "dock-exists": "There is a dock with this name already.",
    "handover-exists": "The log names somebody else at this very moment.",
    "duty-list-malformed": "A line of the list cannot be read.",
    "duty-list-not-found": "There is no such list.",
    "duty-list-state": "The list is not in a state that allows this; make a new version.",
    "duty-profile-unknown": "There is no such profile.",
    "term-malformed": "A term is hours (24h) or working days (1wd).",
    "days-invalid": "The first day comes before the last one, by three years at most.",
    "officer-not-found": "There is no officer with this number in your agencies.",
    "finding-not-found": "There is no such finding, or it belongs to another agency.",
    "finding-state": "The finding is not in a state that allows this.",
    "handover-time": "A hand-over cannot be later than tomorrow.",
    "time-malformed": "The time cannot be read.",
    "token-not-found": "There is no such token.",
    "token-revoked": "The token is revoked already.",
    "locale-unknown": "Choose one of the languages.",
    "sign-in-refused": "Login or password is wrong.",
    "sign-in-limited": "Too many attempts. Wait a while before the next one.",
    "search-limited": "Too many searches in a minute. Wait a moment before the next one.",
    "streams-limited": "Too many pages with live news are open. Close one.",
    "connections-limited": "Too many connections from your address. Close some pages.",
    "login-link-refused": "This address has been used or is too old; ask for a new one.",
    "session-ended": "Your session has ended; sign in again.",
    "credentials-missing": "Sign in to see this page.",
    "permission-missing": "Your role does not allow this.",
    "approval-own": "Somebody else than the proposer must decide about this.",
    "approval-person-needed": "A person who is signed in decides about this.",
    "approval-foreign": "Only whoever proposed it can take it back.",
    "approval-not-found": "There is no such proposal, or it belongs to another agency.",
    "approval-closed": "This proposal has been decided already or has expired.",
    "approval-open": "There is an open proposal about this already.",
    "approval-stale": "It has changed since it was proposed. Look again and propose it anew.",
    "registry-row-not-found": "There is no such row, or it belongs to another agency.",
    "import-kind-unknown": "Choose what the table lists.",
    "import-unreadable": "The table cannot be read. Save it as XLSX or as CSV in UTF-8.",
    "import-columns": "The first line of the table lacks a column that is needed.",
    "import-empty": "There is no line below the first one.",
    "import-too-large": "The table is too large; send it in several files.",
    "agency-scope": "This belongs to another agency.",
    "csrf-token-invalid": "The page was too old for this. Load it again and repeat what you did.",
    "route-not-found": "There is nothing at this address.",
    "id-malformed": "There is nothing at this address.",
    "method-not-allowed": "There is nothing at this address.",
    "query-invalid": "The address holds something unknown.",
    "cursor-invalid": "The address of this list is not valid any more; begin anew.",
    "receipt-not-yet": "The recording is still being verified; the receipt comes after that.",
    "receipt-never": "This recording is mismatched and never gets a receipt.",
    "recording-simulated": "It was invented by a simulator: there is no footage.",
    "playback-not-ready": "It is still being prepared for viewing.",
    "playback-impossible": "Nothing of this recording can be shown; download the original.",
    "playback-grant-ended": "The playback address has ended; load the page again.",
    "database-unavailable": "The database cannot be reached at this moment. Try again soon.",
    "store-unavailable": "The store of footage cannot be reached at this moment. Try again soon.",
    "service-stopping": "The service is about to restart. Try again soon.",
    "storage-full": "There is no room for more footage. Tell the administrator.",
    "body-too-large": "The form is too large.",
    "internal": "The service made a mistake. Tell the administrator the reference number.",
}
#: Titles by code; what each means is ``ADVICE`` of words.py.
WORDS = {
    "flag": {code: title for code, (title, _) in FLAGS.items()},
    "quarantine": {code: title for code, (title, _) in QUARANTINE.items()},
    "problem": PROBLEMS,
}
