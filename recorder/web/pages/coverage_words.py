"""Words of the whole process: scenes, and the evidence by which footage finds its case."""

from __future__ import annotations

EVIDENCE = {
    "number_named": "The number is named",
    "code_filmed": "The code was filmed",
    "time_within": "Within the time",
    "time_about": "About the time",
    "wearer_there": "The wearer took part",
    "wearer_elsewhere": "The wearer did not take part",
    "officer_there": "The named officer took part",
    "officer_elsewhere": "The named officer did not take part",
    "place_there": "At the place",
    "place_near": "Near the place",
    "place_far": "Far from the place",
    "scanned_meanwhile": "Scanned meanwhile",
    "task_rostered": "The task by the roster",
    "only_task": "Only task of the day",
}
SCENES = {
    "onsite_inspection": "Inspection on site",
    "evidence_taking": "Taking of evidence",
    "questioning": "Questioning",
    "sampling": "Sampling",
    "preservation": "Preservation of evidence",
    "seizure": "Seizure",
    "demolition": "Forced demolition",
    "hearing": "Hearing",
    "service_in_person": "Service in person",
    "service_by_leaving": "Service by leaving",
    "service_by_announcement": "Service by announcement",
    "execution": "Other execution",
    "premises": "Case-handling premises",
    "arrival": "Arrival",
    "leaving": "Leaving",
    "scan": "Scan",
    "filing": "Filing",
    "notice": "Notice",
    "review": "Legal review",
    "decision": "Decision",
    "closure": "Closure",
}
SCENE_STATES = {
    "recorded": "Recorded",
    "holes": "With holes",
    "unrecorded": "Not recorded",
    "awaited": "Still in time",
    "open": "Not over yet",
    "optional": "Need not be recorded",
    "exempt": "Exempt",
}
#: A hole on the axis of a case.
HOLES = {
    "bad": "Missing",
    "said": "Interrupted with a reason",
    "awaited": "May still be handed in",
}
FINDING_ACTS = {
    "reply": "Replied",
    "appeal": "Appealed",
    "close": "Settled",
    "assign": "Assigned",
    "withdraw": "Its ground was taken back",
}
FINDING_TABS = {
    "open": "Awaits an answer",
    "mine": "Mine to answer",
    "overdue": "Overdue",
    "replied": "Answered",
    "appealed": "Appeals",
    "all": "All",
}
FINDING_STATES = {
    "waiting": "Not settled",
    "open": "Awaits an answer",
    "replied": "Answered",
    "appealed": "Appealed",
    "closed": "Settled",
    "withdrawn": "Withdrawn",
}
WORDS = {
    "evidence": EVIDENCE,
    "scene": SCENES,
    "mapped_event": SCENES,
    "scene_state": SCENE_STATES,
    "hole": HOLES,
    "finding_act": FINDING_ACTS,
    "finding_state": FINDING_STATES,
    "finding_tab": FINDING_TABS,
}
