"""deploy/make-secrets.sh, which a deployment begins with."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.support.deployment import DEPLOY


def test_secrets_are_made_once_and_open_to_their_owner_only(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"

    def make() -> dict[str, str]:
        subprocess.run(["sh", str(DEPLOY / "make-secrets.sh"), str(folder)], check=True)
        return {file.name: file.read_text() for file in folder.iterdir()}

    made = make()
    assert folder.stat().st_mode & 0o777 == 0o700
    assert len(set(made.values())) == len(made) == 6
    assert all(len(word) >= 48 for word in made.values())
    assert made["login_password"] in made["database_url"]
    assert made["owner_password"] in made["owner_database_url"]
    (folder / "s3_secret_key").unlink()
    again = make()
    assert {name: again[name] for name in again if name != "s3_secret_key"} == {
        name: made[name] for name in made if name != "s3_secret_key"
    }
    assert again["s3_secret_key"] != made["s3_secret_key"]
