"""Install the peers: wheels into the environment that runs this, BlueSky beside it, PostGIS.

Wheels come from lock files with hashes. BlueSky has an environment of its own, since it needs an
older numpy. PostGIS comes from Debian's packages, where apt-get is there and the user is root. What
cannot be installed is named here, and the benchmark goes on without it and says so.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

_HERE = Path(__file__).parent
_PROGRAM = Path("/usr/lib/postgresql/15/bin/initdb")
_EXTENSION = Path("/usr/share/postgresql/15/extension/postgis.control")
_PACKAGES = ("postgresql-15", "postgresql-15-postgis-3")


def main() -> None:
    """Install all there is to install; what is there already takes no time."""
    install(Path(sys.prefix), _HERE / "requirements-peers.lock")
    bluesky = Path(sys.prefix).with_name("bluesky")
    if not (bluesky / "bin" / "python").exists():
        venv.create(bluesky, with_pip=True)
    install(bluesky, _HERE / "requirements-bluesky.lock")
    if not (_PROGRAM.exists() and _EXTENSION.exists()):
        install_postgis()


def install(environment: Path, lock: Path) -> None:
    """Install a lock file at once, or, where that fails, whatever of it can be installed."""
    stamp = environment / f".{lock.name}"
    if stamp.exists() and stamp.stat().st_mtime > lock.stat().st_mtime:
        return
    print(f"Installing {lock.name} into {environment}", flush=True)
    text = lock.read_text(encoding="utf-8")
    if not _pip(environment, text):
        for entry in text.replace("\\\n", " ").splitlines():
            if not _pip(environment, entry + "\n"):
                print(f"cannot be installed: {entry.split(' ')[0]}", flush=True)
    stamp.touch()


def _pip(environment: Path, text: str) -> bool:
    """Can these lines of a lock file be installed? They are, if so."""
    asked = environment / "asked.txt"
    asked.write_text(text, encoding="utf-8")
    return subprocess.run(
        [environment / "bin" / "python", "-m", "pip", "install", "--quiet", "--no-deps",
         "--disable-pip-version-check", "--only-binary", ":all:", "--require-hashes",
         "-r", asked]).returncode == 0


def install_postgis() -> None:
    """Debian's packages of PostGIS, if this is Debian and we may."""
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        print("PostGIS is not installed, and only root can, with apt-get install",
              *_PACKAGES, flush=True)
        return
    print("Installing", *_PACKAGES, flush=True)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["update"], ["install", "--yes", "--no-install-recommends", *_PACKAGES]):
        done = subprocess.run(["apt-get", "-qq", *command], env=environment,
                              stdout=subprocess.DEVNULL)
        if done.returncode != 0:
            print("PostGIS cannot be installed: apt-get", *command, "failed", flush=True)
            return


if __name__ == "__main__":
    main()
