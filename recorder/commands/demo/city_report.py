"""What the demo says of its city: what was planted, what of it was found, and where to look."""

from __future__ import annotations

from rich.table import Table

from recorder.commands.demo.city import City


def city_table(city: City) -> Table:
    """Each kind of planted violation with its counts and a case that has one."""
    table = Table(
        title=f"An invented city: {city.agencies} agencies, {city.cases} cases, "
        f"{city.recordings} simulated recordings (no bytes, no evidence); "
        f"planted until {city.judged}"
    )
    for heading in ("planted", "how often", "found", "a case to look at"):
        table.add_column(heading, no_wrap=True)
    for kind, count in city.kinds.items():
        page = f"/cases/{count.example}" if count.example else ""
        table.add_row(kind, str(count.planted), str(count.found), page)
    planted = sum(count.planted for count in city.kinds.values())
    found = sum(count.found for count in city.kinds.values())
    table.add_row("all", str(planted), str(found), "")
    return table
