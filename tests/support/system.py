"""What the tests need from the machine beyond the locked lists: browser, letters for it, nginx."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from recorder.adapters import srt
from tests.support import browser, rtsp_camera

#: Names in Debian and Ubuntu.
_PACKAGES = {
    "a browser": "chromium",
    "a font for Chinese": "fonts-noto-cjk",
    "nginx": "nginx-light",
    "unshare": "util-linux",
    "curl": "curl",
    "nginx's RTMP module": "libnginx-mod-rtmp",
    "an RTSP server": "gir1.2-gst-rtsp-server-1.0 python3-gi gstreamer1.0-plugins-good",
    "libsrt": "libsrt1.5-gnutls",
}


#: Where Debian puts it.
RTMP_MODULE = Path("/usr/lib/nginx/modules/ngx_rtmp_module.so")


class SystemLacks(Exception):
    """Something has to be installed by the person; the message says what and how."""


def missing() -> list[str]:
    """The packages that are needed and not there."""
    there = {
        "a browser": browser.executable() is not None,
        "a font for Chinese": _has_chinese_font(),
        "nginx": nginx() is not None,
        "unshare": os.geteuid() != 0 or shutil.which("unshare") is not None,
        "curl": shutil.which("curl") is not None,
        "nginx's RTMP module": RTMP_MODULE.exists(),
        "an RTSP server": _has_rtsp_server(),
        "libsrt": srt.load() is not None,
    }
    return [_PACKAGES[need] for need, found in there.items() if not found]


def nginx() -> str | None:
    """Where nginx is; on Debian not in the path of ordinary users."""
    return shutil.which("nginx", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin")


def _has_chinese_font() -> bool:
    fc_list = shutil.which("fc-list")
    if fc_list is None:
        return False
    listed = subprocess.run([fc_list, ":lang=zh-cn"], capture_output=True, check=False)
    return bool(listed.stdout.strip())


def _has_rtsp_server() -> bool:
    """Whether the system's Python finds GStreamer's, with what puts H.264 into packets."""
    asks = (
        "import gi; gi.require_version('GstRtspServer', '1.0');"
        " from gi.repository import Gst, GstRtspServer; Gst.init(None);"
        " assert Gst.ElementFactory.find('rtph264pay')"
    )
    try:
        asked = subprocess.run([rtsp_camera.PYTHON, "-c", asks], capture_output=True, check=False)
    except OSError:
        return False
    return asked.returncode == 0


def provide() -> None:
    """Install what is missing where we may (root, with apt-get); raises SystemLacks otherwise."""
    packages = missing()
    if not packages:
        _provide_lighter_browser()
        return
    command = f"apt-get install -y --no-install-recommends {' '.join(packages)} fontconfig"
    apt = shutil.which("apt-get")
    if os.geteuid() != 0 or apt is None:
        raise SystemLacks(
            f"The tests need {' and '.join(packages)}; as root: {command}. "
            f"Another Chromium can be named in {browser.VARIABLE}."
        )
    print(f"Installing {', '.join(packages)} …", flush=True)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    with tempfile.TemporaryFile() as log:
        for arguments in (["update", "-q"], command.split()[1:]):
            subprocess.run([apt, *arguments], env=environment, stdout=log, stderr=log, check=False)
        if missing():
            log.seek(0)
            said = log.read().decode(errors="replace")[-2000:]
            raise SystemLacks(f"{said}\nThis failed: {command}")
    _provide_lighter_browser()


def _provide_lighter_browser() -> None:
    """Where it is to be had: tests of pages take half as long with it, and pass without."""
    apt = shutil.which("apt-get")
    has_one = browser.VARIABLE in os.environ or shutil.which(browser.WITHOUT_WINDOWS) is not None
    if has_one or os.geteuid() != 0 or apt is None:
        return
    asked = [apt, "install", "-y", "--no-install-recommends", browser.WITHOUT_WINDOWS]
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(asked, env=environment, capture_output=True, check=False)
