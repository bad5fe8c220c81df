"""Debian's packages without a question: installed as root, fetched into a folder as anybody."""

import os
import shutil
import subprocess
from pathlib import Path

QUIET = {"DEBIAN_FRONTEND": "noninteractive", "APT_LISTCHANGES_FRONTEND": "none"}
APT = ("apt-get", "-qq", "-o", "Dpkg::Use-Pty=0", "-o", "DPkg::Lock::Timeout=120")


def can_install() -> bool:
    """Return whether packages can be installed here: root on a machine with apt."""
    return os.geteuid() == 0 and shutil.which("apt-get") is not None


def install(packages: tuple[str, ...]) -> bool:
    """Install what is named; lists are fetched only where packages are not found without."""
    print(f"apt-get install {' '.join(packages)}", flush=True)
    command = (*APT, "install", "-y", "--no-install-recommends", *packages)
    return run(command, quiet=True) or (run((*APT, "update")) and run(command))


def download(packages: tuple[str, ...], folder: Path) -> Path | None:
    """Fetch packages without root and unpack them below `folder`; None where apt cannot.

    apt's own lists may be empty or belong to root, so it keeps lists of its own in `folder`.
    """
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        return None
    for name in ("lists/partial", "cache/archives/partial", "debs", "root"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    own = (*APT, "-o", f"Dir::State::lists={folder}/lists", "-o", f"Dir::Cache={folder}/cache")
    fetched = run((*own, "update")) and run((*own, "download", *packages), cwd=folder / "debs")
    debs = sorted((folder / "debs").glob("*.deb"))
    unpacked = [run(("dpkg-deb", "-x", str(deb), str(folder / "root"))) for deb in debs]
    return folder / "root" if fetched and unpacked and all(unpacked) else None


def run(command: tuple[str, ...], cwd: Path | None = None, quiet: bool = False) -> bool:
    """Run a command without a question and return whether it succeeded."""
    sink = subprocess.DEVNULL if quiet else None
    environment = os.environ | QUIET
    done = subprocess.run(
        command,
        cwd=cwd,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=sink,
        stderr=sink,
        check=False,
    )
    return done.returncode == 0
