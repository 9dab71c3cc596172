"""The tools of those who run it, for tests of deploy/: promtool, helm, kubeconform, compose."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.support import go, servers

SOURCES = {
    # Without the clients of every cloud, which find servers to ask and are most of its build.
    "promtool": go.Source(
        "github.com/prometheus/prometheus/cmd/promtool", "v0.316.0", "remove_all_sd"
    ),
    "helm": go.Source("helm.sh/helm/v4/cmd/helm", "v4.3.1"),
    "kubeconform": go.Source("github.com/yannh/kubeconform/cmd/kubeconform", "v0.7.0"),
    # What docker compose reads its files with; it checks them by the specification.
    "compose-spec": go.Source("github.com/compose-spec/compose-go/v2/cmd", "v2.16.2"),
}


def binary(name: str) -> Path:
    """The tool, built now (minutes) when the cache has none."""
    return go.binary(name, SOURCES[name])


def run(name: str, *words: str, given: str = "") -> subprocess.CompletedProcess[str]:
    """Run a tool to its end."""
    return subprocess.run(
        [str(binary(name)), *words],
        cwd=servers.REPOSITORY,
        input=given,
        capture_output=True,
        text=True,
        check=False,
    )
