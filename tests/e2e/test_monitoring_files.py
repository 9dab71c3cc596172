"""Alert rules and dashboard before the tool of Prometheus itself: they load, fire and keep quiet.

Each rule has a row below with figures under which it must fire, and the same figures a little
better, under which it must not.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import yaml

from recorder import metrics
from recorder.metrics import Sample
from tests.support import operator_tools
from tests.support.alert_rules import RULES, Alert, alerts
from tests.support.servers import REPOSITORY

DASHBOARD = REPOSITORY / "deploy" / "grafana" / "dashboard.json"
DAY = "1d1h"
ASKED = 'instance="web:8080", job="recorder"'


@dataclass(frozen=True)
class Row:
    """Series in promtool's notation, one value a minute, and what the alert carries."""

    bad: dict[str, str]
    good: dict[str, str]
    labels: dict[str, str] = field(default_factory=dict)
    #: Long enough for the rule's own waiting.
    at: str = "30m"


_FIRST = {"instance": "web:8080", "job": "recorder"}
BUCKET = "recorder_http_request_duration_seconds_bucket"
STORE = "recorder_store_call_duration_seconds_bucket"
DELAY = "recorder_ingest_listed_delay_seconds_bucket"
ROWS = {
    "RecorderDown": Row({f"up{{{ASKED}}}": "0x60"}, {f"up{{{ASKED}}}": "1x60"}, _FIRST),
    "RecorderDatabaseDown": Row(
        {f"recorder_database_up{{{ASKED}}}": "0x60"},
        {f"recorder_database_up{{{ASKED}}}": "1x60"},
        _FIRST,
    ),
    "RecorderLoopLate": Row(
        {f"recorder_event_loop_lag_worst_seconds{{{ASKED}}}": "1.5x60"},
        {f"recorder_event_loop_lag_worst_seconds{{{ASKED}}}": "0.9x60"},
        _FIRST,
    ),
    "RecorderErrors": Row(
        {'recorder_http_requests_total{route="/a",status="503"}': "0+12x60"},
        {
            'recorder_http_requests_total{route="/a",status="503"}': "0+1x60",
            'recorder_http_requests_total{route="/a",status="404"}': "0+900x60",
        },
        {"route": "/a"},
    ),
    "RecorderAnswersSlow": Row(
        {
            f'{BUCKET}{{method="HEAD",le="1.0"}}': "0+10x60",
            f'{BUCKET}{{method="HEAD",le="10.0"}}': "0+12x60",
            f'{BUCKET}{{method="HEAD",le="+Inf"}}': "0+12x60",
        },
        {
            f'{BUCKET}{{method="HEAD",le="1.0"}}': "0+12x60",
            f'{BUCKET}{{method="HEAD",le="+Inf"}}': "0+12x60",
            # The body of a long upload is no slow answer.
            f'{BUCKET}{{method="PATCH",le="1.0"}}': "0x60",
            f'{BUCKET}{{method="PATCH",le="600.0"}}': "0+90x60",
            f'{BUCKET}{{method="PATCH",le="+Inf"}}': "0+90x60",
        },
    ),
    "RecorderSpoolFilling": Row(
        {
            f"recorder_spool_bytes{{{ASKED}}}": "60x60",
            f"recorder_spool_limit_bytes{{{ASKED}}}": "100x60",
        },
        {
            f"recorder_spool_bytes{{{ASKED}}}": "40x60",
            f"recorder_spool_limit_bytes{{{ASKED}}}": "100x60",
        },
        {"instance": "web:8080"},
    ),
    "RecorderSpoolOld": Row(
        {f"recorder_spool_oldest_age_seconds{{{ASKED}}}": "301x60"},
        {f"recorder_spool_oldest_age_seconds{{{ASKED}}}": "299x60"},
        {"instance": "web:8080"},
    ),
    "RecorderLiveLate": Row(
        {
            f'{DELAY}{{le="10.0"}}': "0+10x60",
            f'{DELAY}{{le="30.0"}}': "0+12x60",
            f'{DELAY}{{le="+Inf"}}': "0+12x60",
        },
        {
            f'{DELAY}{{le="5.0"}}': "0+12x60",
            f'{DELAY}{{le="10.0"}}': "0+12x60",
            f'{DELAY}{{le="+Inf"}}': "0+12x60",
        },
    ),
    "RecorderBuffersFull": Row(
        {
            f"recorder_upload_buffer_used_bytes{{{ASKED}}}": "97x60",
            f"recorder_upload_buffer_limit_bytes{{{ASKED}}}": "100x60",
        },
        {
            f"recorder_upload_buffer_used_bytes{{{ASKED}}}": "90x60",
            f"recorder_upload_buffer_limit_bytes{{{ASKED}}}": "100x60",
        },
        _FIRST,
    ),
    "RecorderStoreErrors": Row(
        {'recorder_store_call_errors_total{call="put",kind="unavailable"}': "0+6x60"},
        {
            'recorder_store_call_errors_total{call="put",kind="unavailable"}': "0+1x60",
            # Somebody asked for what is not there.
            'recorder_store_call_errors_total{call="read",kind="not-found"}': "0+60x60",
        },
        {"call": "put"},
    ),
    "RecorderStoreSlow": Row(
        {
            f'{STORE}{{call="upload_part",le="10.0"}}': "0+10x60",
            f'{STORE}{{call="upload_part",le="60.0"}}': "0+12x60",
            f'{STORE}{{call="upload_part",le="+Inf"}}': "0+12x60",
        },
        {
            f'{STORE}{{call="upload_part",le="10.0"}}': "0+12x60",
            f'{STORE}{{call="upload_part",le="+Inf"}}': "0+12x60",
        },
    ),
    "RecorderStoreRoomLow": Row(
        {"recorder_store_room_bytes": "49e9x60"}, {"recorder_store_room_bytes": "51e9x60"}
    ),
    "RecorderLocksExpiring": Row(
        {"recorder_originals_lock_expiring": "3x300"},
        {"recorder_originals_lock_expiring": "3x60 0x240"},
        at="4h",
    ),
    "RecorderLockEndsSoon": Row(
        {"recorder_soonest_lock_end_seconds": "500000x300"},
        {"recorder_soonest_lock_end_seconds": "700000x300"},
        at="4h",
    ),
    "RecorderDeleteMarkers": Row(
        {"recorder_delete_markers": "2x60"}, {"recorder_delete_markers": "0x60"}
    ),
    "RecorderDeleteMarkersUnseen": Row(
        {"recorder_delete_markers_looked_age_seconds": "260000x180"},
        {"recorder_delete_markers_looked_age_seconds": "250000x180"},
        at="2h",
    ),
    "RecorderFixityFailing": Row(
        {"recorder_fixity_failing": "1x60"}, {"recorder_fixity_failing": "0x60"}
    ),
    "RecorderFixityOld": Row(
        {"recorder_fixity_oldest_age_seconds": "11000000x600"},
        {"recorder_fixity_oldest_age_seconds": "10000000x600"},
        at="8h",
    ),
    "RecorderCompactionsWait": Row(
        {"recorder_compactions_waiting": "21x800"},
        # Twice a day there are many, and they are worked off.
        {"recorder_compactions_waiting": "50x200 10x20 50x200 0x400"},
        at="8h",
    ),
    "RecorderSupersededOverdue": Row(
        {"recorder_superseded_overdue": "3x3600"},
        {"recorder_superseded_overdue": "3x2000 0x1600"},
        at="2d1h",
    ),
    "RecorderQueueOld": Row(
        {'recorder_queue_age_seconds{queue="io"}': "0+60x60"},
        {'recorder_queue_age_seconds{queue="io"}': "800x60"},
        {"queue": "io"},
    ),
    "RecorderNobodyWorks": Row(
        {
            'recorder_queue_age_seconds{queue="io"}': "300x60",
            'recorder_task_runs{queue="io",state="claimed"}': "0x60",
        },
        {
            'recorder_queue_age_seconds{queue="io"}': "300x60",
            'recorder_task_runs{queue="io",state="claimed"}': "1x60",
        },
        {"queue": "io"},
    ),
    "RecorderUnsealedOld": Row(
        {"recorder_oldest_unsealed_age_seconds": "22000x60"},
        {"recorder_oldest_unsealed_age_seconds": "21000x60"},
    ),
    "RecorderTasksFailing": Row(
        {'recorder_task_attempts_total{task="proxy",outcome="retried"}': "0+6x60"},
        {
            'recorder_task_attempts_total{task="proxy",outcome="retried"}': "0+1x60",
            'recorder_task_attempts_total{task="proxy",outcome="done"}': "0+60x60",
        },
        {"task": "proxy"},
        at="50m",
    ),
    "RecorderTaskFailed": Row(
        {'recorder_task_runs_failed{task="proxy"}': "1x60"},
        {'recorder_task_runs_failed{task="proxy"}': "0x60"},
        {"task": "proxy"},
    ),
    "RecorderQuarantineWaiting": Row(
        {"recorder_recordings_quarantined": "1x1600"},
        {"recorder_recordings_quarantined": "1x1000 0x600"},
        at=DAY,
    ),
}


def row_of(alert: Alert) -> Row:
    """Its own row, or that of every alarm of the product."""
    code = re.search(r'recorder_alarms_open\{code="(\w+)"\}', alert.expr)
    if code is None:
        return ROWS[alert.name]
    severity = f'code="{code[1]}",severity="{alert.severity}"'
    others = 'code="another",severity="critical"'
    return Row(
        {f"recorder_alarms_open{{{severity}}}": "1x60"},
        {
            f"recorder_alarms_open{{{severity}}}": "0x60",
            f"recorder_alarms_open{{{others}}}": "1x60",
        },
    )


def expectation(alert: Alert, row: Row, *, fires: bool) -> dict[str, object]:
    """One test of promtool (JSON is YAML)."""
    series = row.bad if fires else row.good
    told = {
        "exp_labels": {"severity": alert.severity, **row.labels},
        "exp_annotations": {"summary": alert.summary, "runbook": alert.runbook},
    }
    return {
        "name": f"{alert.name} {'fires' if fires else 'keeps quiet'}",
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "alert_rule_test": [
            {"eval_time": row.at, "alertname": alert.name, "exp_alerts": [told] if fires else []}
        ],
    }


def only(alert: Alert) -> dict[str, object]:
    """The file of alert rules as it is, with this one rule left."""
    groups = yaml.safe_load(RULES.read_text("utf-8"))["groups"]
    left = [
        {**group, "rules": [rule for rule in group["rules"] if rule["alert"] == alert.name]}
        for group in groups
    ]
    return {"groups": [group for group in left if group["rules"]]}


def test_the_alert_rules_load() -> None:
    done = operator_tools.run(
        "promtool", "check", "rules", "--lint=all", "--lint-fatal", str(RULES)
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(alerts())} rules found" in done.stdout


@pytest.mark.parametrize("fires", [True, False], ids=["fires", "keeps quiet"])
def test_every_alert_does_what_it_is_for(fires: bool, tmp_path: Path) -> None:
    files = []
    for alert in alerts():
        # Each before its own rule only: some go by days, and every rule is asked in every minute.
        rule, file = tmp_path / f"{alert.name}.rule.json", tmp_path / f"{alert.name}.json"
        rule.write_text(json.dumps(only(alert)))
        test = expectation(alert, row_of(alert), fires=fires)
        told = {"rule_files": [str(rule)], "evaluation_interval": "1m", "tests": [test]}
        file.write_text(json.dumps(told))
        files.append(str(file))
    done = operator_tools.run("promtool", "test", "rules", *files)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("SUCCESS") == len(files) == len(set(files))
    assert {alert.name for alert in alerts()} >= set(ROWS)


def test_a_rule_that_would_not_fire_is_found(tmp_path: Path) -> None:
    down = next(alert for alert in alerts() if alert.name == "RecorderDown")
    quiet = Row(ROWS["RecorderDown"].good, {}, ROWS["RecorderDown"].labels)
    file = tmp_path / "tests.json"
    tests = [expectation(down, quiet, fires=True)]
    file.write_text(json.dumps({"rule_files": [str(RULES)], "tests": tests}))
    assert operator_tools.run("promtool", "test", "rules", str(file)).returncode != 0


def test_every_expression_of_the_dashboard_can_be_read(tmp_path: Path) -> None:
    board = json.loads(DASHBOARD.read_text("utf-8"))
    shown = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    rules = [{"record": f"panel:{n}", "expr": expr} for n, expr in enumerate(shown)]
    file = tmp_path / "rules.json"
    file.write_text(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}))
    done = operator_tools.run("promtool", "check", "rules", str(file))
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(shown)} rules found" in done.stdout


def test_the_dashboard_is_one_that_grafana_takes() -> None:
    board = json.loads(DASHBOARD.read_text("utf-8"))
    assert board["uid"]
    assert board["schemaVersion"] >= 36
    sources = {variable["name"] for variable in board["templating"]["list"]}
    for panel in board["panels"]:
        assert panel["datasource"]["uid"].strip("${}") in sources, panel["title"]
        place = panel["gridPos"]
        assert 0 <= place["x"] < place["x"] + place["w"] <= 24, panel["title"]
        names = [target["refId"] for target in panel["targets"]]
        assert len(set(names)) == len(names), panel["title"]


def test_prometheus_has_nothing_to_say_against_the_names_of_our_figures() -> None:
    told = [
        Sample(name, 1.0, tuple("x" for _ in figure.labels))
        for name, figure in metrics.INSTALLATION.items()
    ]
    done = operator_tools.run("promtool", "check", "metrics", given=metrics.exposition(told))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
