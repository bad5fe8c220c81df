"""Debian for foreign processors, unpacked and never booted, and the emulator for its programs.

apt resolves and fetches for another architecture with lists and a status of its own, dpkg-deb
unpacks, and the emulator looks into the unpacked root first for each file that is opened. So no
root, no chroot and no registration with the kernel is needed, and nothing here is installed.
"""

import platform
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import apt

# Debian 12's own emulator is too old: current runtimes die in it, older ones compute wrongly.
EMULATOR = "qemu-user"
EMULATOR_SUITE = "trixie"
PROGRAMS = ("qemu-aarch64", "qemu-arm")
KEYRINGS = tuple(
    Path(f"/usr/share/keyrings/debian-archive-keyring.{kind}") for kind in ("pgp", "gpg")
)
# What packages would link by update-alternatives when they are configured.
ALTERNATIVES = ("blas/libblas.so.3", "lapack/liblapack.so.3")
STAMP = "stamp"


class FetchError(Exception):
    """What could not be fetched, in one line."""


@dataclass(frozen=True, slots=True)
class Packages:
    """Packages of one suite for one of Debian's architectures, with all that they depend on."""

    suite: str
    architecture: str
    names: tuple[str, ...]


def reason_to_skip() -> str:
    """Return why no root can be made on this machine, or nothing."""
    if platform.machine() != "x86_64":
        return "answers are compared with those of x86-64, which this machine is not"
    for tool in ("apt-get", "dpkg-deb"):
        if shutil.which(tool) is None:
            return f"no {tool} on PATH: roots are made of Debian's packages"
    return "" if archive() else "apt has no source of Debian's own archive"


def archive() -> str:
    """Return the address of this machine's own archive of Debian, or nothing."""
    fields = "$(REPO_URI) $(RELEASE) $(COMPONENT)"
    asked = subprocess.run(
        ["apt-get", "indextargets", "--format", fields, "Created-By: Packages"],
        capture_output=True,
        text=True,
        check=False,
    )
    try:
        system = platform.freedesktop_os_release()
    except OSError:
        return ""
    return archive_of(asked.stdout, system.get("ID", ""), system.get("VERSION_CODENAME", ""))


def archive_of(targets: str, system: str, codename: str) -> str:
    """Return the address of Debian's archive among apt's index targets, or nothing.

    One line of `targets` is address, suite and component. Another system's archive has other
    packages, and an archive of updates has no whole suites.
    """
    if system != "debian":
        return ""
    for line in targets.splitlines():
        address, suite, component = line.split()
        if suite == codename and component == "main":
            return address
    return ""


def emulators(folder: Path) -> Path:
    """Return the folder of the emulators' programs, fetched into `folder` unless they are there."""
    architecture = subprocess.run(
        ["dpkg", "--print-architecture"], capture_output=True, text=True, check=True
    ).stdout.strip()
    made = make(Packages(EMULATOR_SUITE, architecture, (EMULATOR,)), folder, PROGRAMS)
    return made / "usr" / "bin"


def make(packages: Packages, folder: Path, programs: tuple[str, ...] = ()) -> Path:
    """Return `folder` with the packages unpacked; a current one is returned as it is.

    Of the programs in `usr/bin` only those of `programs` stay, or all if there are none named.
    Raises FetchError.
    """
    stamp = f"{packages} {programs}\n"
    if (folder / STAMP).is_file() and (folder / STAMP).read_text() == stamp:
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f"{folder.name}-", dir=folder.parent) as work:
        root = Path(work) / "root"
        for deb in fetch(packages, Path(work) / "apt"):
            if not apt.run(("dpkg-deb", "-x", str(deb), str(root))):
                raise FetchError(f"dpkg-deb cannot unpack {deb.name}; is the disk full?")
        settle(root, programs)
        (root / STAMP).write_text(stamp)
        shutil.rmtree(folder, ignore_errors=True)
        root.rename(folder)
    return folder


def settle(root: Path, programs: tuple[str, ...]) -> None:
    """Make the links that installing would make, and remove the programs that nobody runs."""
    for name in ("bin", "lib", "sbin"):
        if not (root / name).exists():
            (root / name).unlink(missing_ok=True)
            (root / name).symlink_to(f"usr/{name}")
    for libraries in root.glob("usr/lib/*-linux-*"):
        for file in ALTERNATIVES:
            if (libraries / file).exists():
                (libraries / Path(file).name).symlink_to(file)
    for program in (root / "usr" / "bin").iterdir() if programs else ():
        if program.name not in programs:
            program.unlink()


def fetch(packages: Packages, work: Path) -> list[Path]:
    """Fetch packages and all that they depend on into `work`; return the files. Or FetchError."""
    for name in ("state/lists/partial", "cache/archives/partial"):
        (work / name).mkdir(parents=True, exist_ok=True)
    (work / "status").touch()
    (work / "sources.list").write_text(source_line(archive(), packages.suite))
    command = (*apt.APT, *options(packages, work))
    install = ("install", "-y", "--download-only", *packages.names)
    if not (apt.run((*command, "update")) and apt.run((*command, *install))):
        what = f"{' '.join(packages.names)} of {packages.suite} for {packages.architecture}"
        raise FetchError(f"apt cannot fetch {what} (its reason stands above)")
    return sorted((work / "cache" / "archives").glob("*.deb"))


def source_line(address: str, suite: str) -> str:
    """Return apt's line for a suite of the archive, signed by Debian's keys where they lie here."""
    keyring = next((str(file) for file in KEYRINGS if file.is_file()), "")
    signed = f" [signed-by={keyring}]" if keyring else ""
    return f"deb{signed} {address} {suite} main\n"


def options(packages: Packages, work: Path) -> tuple[str, ...]:
    """Return apt's options that keep it off this machine's own packages."""
    own = {
        "Dir::State": work / "state",
        "Dir::State::status": work / "status",
        "Dir::Cache": work / "cache",
        "Dir::Etc::sourcelist": work / "sources.list",
        "Dir::Etc::sourceparts": "/dev/null",
        "Dir::Etc::preferences": "/dev/null",
        "Dir::Etc::preferencesparts": "/dev/null",
        "APT::Architecture": packages.architecture,
        "APT::Architectures": packages.architecture,
        "APT::Install-Recommends": "false",
        "APT::Sandbox::User": "",  # the folder may be closed to apt's own user
        "Acquire::Languages": "none",
        "Debug::NoLocking": "true",
    }
    return tuple(word for key, value in own.items() for word in ("-o", f"{key}={value}"))
