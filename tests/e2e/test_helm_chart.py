"""The Helm chart, rendered by helm and checked against the schemas of Kubernetes itself."""

from __future__ import annotations

import json
import re
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
import yaml

from recorder.__main__ import COMMANDS
from recorder.config import PREFIX, Config
from tests.support import operator_tools
from tests.support.servers import REPOSITORY

CHART = REPOSITORY / "deploy" / "helm" / "recorder"
SCALED = {
    "autoscaling": {"enabled": True, "maxReplicas": 9},
    "web": {"replicas": 5},
    "live": {"replicas": 3, "processes": 2, "tlsSecret": "live-tls"},
    "workers": {"media": {"replicas": 3, "mediaJobs": 4}},
    "image": {"repository": "registry.example/recorder", "tag": "1.2.3",
              "pullSecrets": [{"name": "registry"}]},
}  # fmt: skip
BARE = {
    "ingress": {"enabled": False},
    "networkPolicy": {"enabled": False},
    "live": {"enabled": False},
    "secrets": {"redisUrl": False},
    "settings": {"RECORDER_S3_REGION": "cn-south-1", "RECORDER_STORE_THREADS": 16},
}
VALUES: dict[str, dict[str, Any]] = {"as it is": {}, "scaled": SCALED, "bare": BARE}
KUBERNETES = ["1.27.0", "1.34.0", "1.37.0"]
KINDS = (
    *("deployment-apps-v1", "statefulset-apps-v1", "job-batch-v1", "service-v1"),
    "ingress-networking-v1",
    *("networkpolicy-networking-v1", "poddisruptionbudget-policy-v1"),
    "horizontalpodautoscaler-autoscaling-v2",
)
_REFERENCE = re.compile(r'"#/definitions/([^"]+)"')
_SECRETS = {n for n, field in Config.model_fields.items() if "SecretStr" in str(field.annotation)}


def helm(folder: Path, values: dict[str, Any], version: str = "1.34.0") -> tuple[int, str, str]:
    file = folder / "values.json"
    file.write_text(json.dumps(values))
    words = ("template", "office", str(CHART), "-f", str(file), "--kube-version", version)
    done = operator_tools.run("helm", *words)
    return done.returncode, done.stdout, done.stderr


def rendered(folder: Path, values: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    """Every object by kind and name."""
    code, text, words = helm(folder, values)
    assert code == 0, words
    found = [one for one in yaml.safe_load_all(text) if one]
    return {(one["kind"], one["metadata"]["name"]): one for one in found}


def pods(objects: dict[tuple[str, str], dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The pod of each thing that runs some."""
    return {
        name: one["spec"]["template"]["spec"]
        for (kind, name), one in objects.items()
        if kind in ("Deployment", "Job", "StatefulSet")
    }


def reached(schema: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    """Those of the definitions that the schema leads to: a tenth, and a tool reads all it gets."""
    found: dict[str, Any] = {}
    ahead = [schema]
    while ahead:
        for name in _REFERENCE.findall(json.dumps(ahead.pop())):
            if name not in found:
                found[name] = definitions[name]
                ahead.append(found[name])
    return found


def schemas(version: str, folder: Path) -> str:
    """The schemas of what the chart makes, each whole in itself, as kubeconform wants them."""
    source = resources.files("kubernetes_validate") / "kubernetes-json-schema"
    source = source / f"v{version}-local-strict"

    def read(name: str) -> dict[str, Any]:
        text = (source / name).read_text("utf-8")
        # Their references are for a server; the definitions go along instead.
        text = text.replace("/api/_definitions.json#", "#").replace("#/$defs/", "#/definitions/")
        found: dict[str, Any] = json.loads(text)
        return found

    definitions = read("_definitions.json")["$defs"]
    for name in KINDS:
        kind = read(f"{name}.json")
        whole = {**kind, "definitions": reached(kind, definitions)}
        (folder / f"{name}.json").write_text(json.dumps(whole))
    return f"{folder}/{{{{.ResourceKind}}}}{{{{.KindSuffix}}}}.json"


@pytest.mark.parametrize("version", KUBERNETES)
def test_what_is_rendered_fits_the_schemas_of_kubernetes(version: str, tmp_path: Path) -> None:
    (folder := tmp_path / "schemas").mkdir()
    location = schemas(version, folder)
    words = ("-strict", "-summary", "-kubernetes-version", version, "-schema-location", location)
    for name, values in VALUES.items():
        code, text, said = helm(tmp_path, values, version)
        assert code == 0, said
        done = operator_tools.run("kubeconform", *words, given=text)
        assert done.returncode == 0, (name, done.stdout)
        assert "Invalid: 0, Errors: 0, Skipped: 0" in done.stdout
        wrong = text.replace("replicas:", "replikas:")
        if wrong != text:
            assert operator_tools.run("kubeconform", *words, given=wrong).returncode != 0


def test_the_chart_passes_helms_own_look() -> None:
    done = operator_tools.run("helm", "lint", "--strict", str(CHART))
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("values", VALUES.values(), ids=VALUES.keys())
def test_every_process_runs_a_real_command_with_settings_that_are_read(
    values: dict[str, Any], tmp_path: Path
) -> None:
    for name, pod in pods(rendered(tmp_path, values)).items():
        (container,) = pod["containers"]
        assert container["args"][0] in {command for command, _ in COMMANDS}
        variables = [entry["name"] for entry in container["env"]]
        assert len(set(variables)) == len(variables), name
        for variable in variables:
            setting = variable.removeprefix(PREFIX).lower()
            secret = setting.removesuffix("_file")
            assert secret not in _SECRETS or setting != secret, f"{variable} is no file"
            assert setting in Config.model_fields or secret in _SECRETS, variable
        mounted = {mount["name"] for mount in container["volumeMounts"]}
        claimed = {"spool"} if name == "office-live" else set()
        assert mounted == {volume["name"] for volume in pod["volumes"]} | claimed
        assert ("owner" in mounted) == (name == "office-migrate")


@pytest.mark.parametrize("values", VALUES.values(), ids=VALUES.keys())
def test_no_process_has_a_privilege_or_writes_on_its_root(
    values: dict[str, Any], tmp_path: Path
) -> None:
    for pod in pods(rendered(tmp_path, values)).values():
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["runAsUser"] == 10001
        # It lets Landlock through, which confines ffmpeg.
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert pod["automountServiceAccountToken"] is False
        (container,) = pod["containers"]
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert {"requests", "limits"} <= set(container["resources"])


def test_the_schema_is_migrated_before_an_upgrade_and_replicas_go_one_by_one(
    tmp_path: Path,
) -> None:
    objects = rendered(tmp_path, {})
    job = objects["Job", "office-migrate"]
    assert job["metadata"]["annotations"]["helm.sh/hook"] == "pre-install,pre-upgrade"
    web = objects["Deployment", "office-web"]["spec"]
    assert web["replicas"] >= 2
    assert web["strategy"]["rollingUpdate"] == {"maxUnavailable": 0, "maxSurge": 1}
    (container,) = web["template"]["spec"]["containers"]
    probes = {name: container[name]["httpGet"]["path"] for name in container if "Probe" in name}
    assert (probes["livenessProbe"], probes["readinessProbe"]) == ("/healthz", "/readyz")
    assert objects["PodDisruptionBudget", "office-web"]["spec"]["minAvailable"] == 1


def test_workers_are_scaled_on_the_age_of_their_own_queue(tmp_path: Path) -> None:
    objects = rendered(tmp_path, SCALED)
    for queue in ("io", "media"):
        name = f"office-worker-{queue}"
        scaler = objects["HorizontalPodAutoscaler", name]["spec"]
        assert "replicas" not in objects["Deployment", name]["spec"]
        assert (scaler["scaleTargetRef"]["name"], scaler["maxReplicas"]) == (name, 9)
        (metric,) = scaler["metrics"]
        assert metric["external"]["metric"] == {
            "name": "recorder_queue_age_seconds",
            "selector": {"matchLabels": {"queue": queue}},
        }
    assert not [kind for kind, _ in rendered(tmp_path, {}) if kind == "HorizontalPodAutoscaler"]


def test_livestreams_come_in_at_ports_of_their_own_and_wait_on_a_volume_that_stays(
    tmp_path: Path,
) -> None:
    objects = rendered(tmp_path, SCALED)
    live = objects["StatefulSet", "office-live"]["spec"]
    assert live["replicas"] == 3
    (claim,) = live["volumeClaimTemplates"]
    (container,) = live["template"]["spec"]["containers"]
    assert container["args"] == ["live", "serve", "--processes", "2"]
    said = {entry["name"]: entry["value"] for entry in container["env"]}
    places = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    assert said["RECORDER_LIVE_SPOOL_FOLDER"].startswith(places[claim["metadata"]["name"]])
    assert int(said["RECORDER_LIVE_SPOOL_BYTES"]) < 20 << 30
    listened = {said[f"RECORDER_LIVE_{name}_LISTEN"] for name in ("RTMP", "RTMPS")}
    ports = {port["port"] for port in objects["Service", "office-live"]["spec"]["ports"]}
    assert {f"0.0.0.0:{port}" for port in ports} == listened
    assert said["RECORDER_TLS_CERT"].startswith(places["tls"])
    allowed = objects["NetworkPolicy", "office-live"]["spec"]["ingress"][0]["ports"]
    assert {each["port"] for each in allowed} == ports
    # Without a certificate there is no port for it.
    plain = rendered(tmp_path, {})["Service", "office-live"]["spec"]["ports"]
    assert [port["name"] for port in plain] == ["rtmp"]
    assert ("StatefulSet", "office-live") not in rendered(tmp_path, BARE)


def test_bodies_pass_the_ingress_unbuffered_and_figures_stay_inside(tmp_path: Path) -> None:
    objects = rendered(tmp_path, {})
    ingress = objects["Ingress", "office"]
    said = ingress["metadata"]["annotations"]
    assert said["nginx.ingress.kubernetes.io/proxy-body-size"] == "0"
    assert said["nginx.ingress.kubernetes.io/proxy-request-buffering"] == "off"
    # Addresses hold secrets; the service logs each request without its address.
    assert said["nginx.ingress.kubernetes.io/enable-access-log"] == "false"
    paths = ingress["spec"]["rules"][0]["http"]["paths"]
    leading = {path["path"]: path["backend"]["service"]["name"] for path in paths}
    assert leading == {"/metrics": "office-nowhere", "/": "office-web"}
    assert "selector" not in objects["Service", "office-nowhere"]["spec"]


@pytest.mark.parametrize(
    "values",
    [
        {"settings": {"RECORDER_DATABASE_URL": "postgresql://a:b@c/d"}},
        {"settings": {"RECORDER_S3_SECRET_KEY": "word"}},
        {"settings": {"RECORDER_OBJECTS": "folder"}},
        {"web": {"replicas": 0}},
        {"wep": {"replicas": 2}},
    ],
)
def test_values_that_cannot_be_meant_are_refused(values: dict[str, Any], tmp_path: Path) -> None:
    code, _, words = helm(tmp_path, values)
    assert (code, "values.schema.json" in words or "schema" in words) == (1, True)
