"""The tools of those who run it, for tests of the files in deploy/: promtool, helm, kubeconform."""

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
