"""nginx with the product's own configuration, deploy/nginx/recorder.conf, on the loopback."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.support import servers, system

_CONF = servers.REPOSITORY / "deploy/nginx/recorder.conf"


def start(
    certificate: Path, upstream: tuple[int, ...], requests_per_address: int = 1000
) -> servers.Server:
    """nginx with the product's own file; only places, ports and that number differ."""
    program = system.nginx()
    if program is None:
        raise servers.ServerFailed("nginx is not installed (Debian: nginx-light).")
    place = servers.new_folder("nginx")
    plain = servers.free_port()

    def command(port: int) -> list[str]:
        text = _rendered(place, certificate, upstream, plain, port)
        limit = "limit_conn addresses {};"
        assert text.count(limit.format(1000)) == 1
        text = text.replace(limit.format(1000), limit.format(requests_per_address))
        (place / "recorder.conf").write_text(text)
        (place / "ports").write_text(f"{plain} {port}")
        temporary = "".join(
            f"{kind}_temp_path {place}/{kind};\n"
            for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        main = place / "nginx.conf"
        main.write_text(
            f"daemon off; worker_processes 1; pid {place}/pid; error_log {place}/log info;\n"
            f"events {{ worker_connections 512; }}\n"
            f"http {{\n{temporary}include {place}/recorder.conf;\n}}\n"
        )
        whole = [program, "-e", str(place / "log"), "-c", str(main)]
        tried = subprocess.run([*whole, "-t"], capture_output=True, text=True, check=False)
        if tried.returncode != 0:
            raise servers.ServerFailed(tried.stderr)
        return whole

    return servers.start("nginx", place, command, servers.accepts)


def _rendered(
    place: Path, certificate: Path, upstream: tuple[int, ...], plain: int, secure: int
) -> str:
    text = _CONF.read_text()
    for old, new in (
        ("server web1:8080", f"server 127.0.0.1:{upstream[0]}"),
        ("server web2:8080", f"server 127.0.0.1:{upstream[1]}"),
        ("listen 80;", f"listen 127.0.0.1:{plain};"),
        ("listen 443 ssl;", f"listen 127.0.0.1:{secure} ssl;"),
        # Not every machine that runs tests speaks IPv6.
        ("listen [::]:80;", ""),
        ("listen [::]:443 ssl;", ""),
        ("/etc/nginx/tls/recorder.crt", str(certificate)),
        ("/etc/nginx/tls/recorder.key", str(certificate)),
        ("/var/log/nginx/recorder-error.log", f"{place}/error.log"),
    ):
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text.replace("/var/log/nginx/recorder.log", f"{place}/access.log")


def ports(nginx: servers.Server) -> tuple[int, int]:
    plain, secure = (nginx.folder / "ports").read_text().split()
    return int(plain), int(secure)
