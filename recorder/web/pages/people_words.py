"""Words of people, devices and whoever else acts."""

from __future__ import annotations

ROLES = {
    "device": "Device",
    "dock": "Dock",
    "officer": "Officer",
    "supervisor": "Supervisor",
    "administrator": "Administrator",
    "source": "Case system",
    "reader": "Reading system",
    "embedder": "Showing system",
}
ACTORS = {
    "device": "device",
    "dock": "dock",
    "person": "person",
    "program": "program",
    "worker": "worker",
    "service": "service",
    "operator": "operator",
    "nobody": "nobody",
}
DEVICE_STATES = {"active": "Active", "suspended": "Suspended", "lost": "Lost"}
WORDS = {
    "role": ROLES,
    "actor": ACTORS,
    "device_state": DEVICE_STATES,
}
