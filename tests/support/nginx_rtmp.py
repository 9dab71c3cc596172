"""nginx with its RTMP module as the configuration in deploy/gateways makes it a gateway."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support import servers, system

SHIPPED = servers.REPOSITORY / "deploy" / "gateways" / "nginx-rtmp.conf"
#: The application of which no hook but the question arrives.
LOST = "lost"


def configuration(service: str, hooks: str, folder: Path, port: int) -> str:
    """The shipped file for this service, with a second application whose hints are lost."""
    text = SHIPPED.read_text("utf-8")
    text = text.replace("modules/ngx_rtmp_module.so", str(system.RTMP_MODULE))
    text = text.replace("http://127.0.0.1:8080/api/v1/gateways/hooks/SECRET", service + hooks)
    text = text.replace("/var/lib/recorder-gateway", str(folder)).replace("1935", str(port))
    found = re.search(r"( *application live \{.*?\n        \}\n)", text, re.DOTALL)
    assert found is not None
    deaf = found[1].replace("application live", f"application {LOST}").replace("/live;", "/lost;")
    deaf = re.sub(r" *on_(publish|record)_done [^\n]*\n", "", deaf)
    return text.replace(found[1], found[1] + deaf)


@contextmanager
def running(service: str, hooks: str, work: Path) -> Iterator[tuple[int, Path]]:
    """A gateway while the block lasts; gives its port and the folder it writes to."""
    nginx = system.nginx()
    assert nginx is not None
    folder, port = work / "files", servers.free_port()
    for application in ("live", LOST):
        (folder / application).mkdir(parents=True)
    (work / "nginx.conf").write_text(configuration(service, hooks, folder, port))
    directives = f"daemon off; master_process off; pid {work}/pid; error_log {work}/error.log;"
    words = [nginx, "-p", str(work), "-c", str(work / "nginx.conf"), "-g", directives]
    checked = subprocess.run([*words, "-t"], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield port, folder
    finally:
        process.terminate()
        process.wait(30)
