"""Prepare a bare machine: check what must be there, make the locked environments, fetch the jars.

Runs with the system's Python and its standard library only. A second run is cheap: what is up to date is left alone.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
VENVS = REPOSITORY / ".venv"
ENVIRONMENTS = ("pipeline", "airflow", "superset", "portal")
# packages that come without a wheel, built by what requirements/build.txt names, by hash too
SOURCES = ("pyspark", "odfpy", "wtforms-json")
JAVA_VERSIONS = (17, 21)
MIN_FREE_GB = 8
ENVIRONMENT_FAULT = 7


class Missing(Exception):
    """Something that must be there and is not, with the way to get it."""


def check_prerequisites() -> None:
    """Python 3.11, Java 17 or 21, room on the disk. Raises Missing."""
    if sys.version_info[:2] != (3, 11):
        found = ".".join(map(str, sys.version_info[:3]))
        raise Missing(
            f"Python 3.11 is needed, found {found} ({sys.executable}); install it (Debian: apt install python3.11, "
            "macOS: brew install python@3.11) and call: make PYTHON=python3.11 …"
        )
    java = os.path.join(os.environ["JAVA_HOME"], "bin", "java") if "JAVA_HOME" in os.environ else "java"
    how = "install it (Debian: apt install openjdk-17-jre-headless, macOS: brew install openjdk@17)"
    try:
        answer = subprocess.run([java, "-version"], capture_output=True, text=True, check=True).stderr
    except (OSError, subprocess.CalledProcessError):
        raise Missing(f"Java 17 or 21 is needed, none was found as {java!r}; {how}") from None
    version = re.search(r'version "(\d+)', answer)
    if not version or int(version.group(1)) not in JAVA_VERSIONS:
        raise Missing(f"Java 17 or 21 is needed, found {answer.splitlines()[0] if answer else 'none'}; {how}")
    free = shutil.disk_usage(REPOSITORY).free / 1e9
    if free < MIN_FREE_GB:
        raise Missing(f"{MIN_FREE_GB} GB of free disk are needed at {REPOSITORY}, found {free:.1f} GB")


def fingerprint(*paths: Path) -> str:
    return hashlib.sha256(b"".join(path.read_bytes() for path in paths)).hexdigest()


def make_environments(names: tuple[str, ...]) -> None:
    """Each environment exactly as its lock says, every package checked by its hash."""
    uv = VENVS / "tools" / "bin" / "uv"
    if not uv.exists():
        say("tools: installing uv")
        run([sys.executable, "-m", "venv", str(VENVS / "tools")])
        run([str(uv.with_name("pip")), "install", "-q", "--require-hashes", "-r", str(lock("tools"))])
    for name in names:
        stamp = VENVS / name / "lock.sha256"
        wanted = fingerprint(lock(name))
        if stamp.exists() and stamp.read_text() == wanted:
            continue
        began = time.monotonic()
        say(f"environment {name}: installing (minutes on the first time, from the package index)")
        # relocatable: a set-up clone may be moved or copied
        run([str(uv), "venv", "-q", "--relocatable", "--allow-existing", "--python", sys.executable, str(VENVS / name)])
        python = str(VENVS / name / "bin" / "python")
        run(
            [
                str(uv),
                "pip",
                "sync",
                "-q",
                "--compile-bytecode",
                "--python",
                python,
                "--require-hashes",
                "--only-binary",
                ":all:",
                *(option for package in SOURCES for option in ("--no-binary", package)),
                "--build-constraints",
                str(lock("build")),
                str(lock(name)),
            ]
        )
        stamp.write_text(wanted)
        say(f"environment {name}: ready in {time.monotonic() - began:.0f} s")


def lock(name: str) -> Path:
    return REPOSITORY / "requirements" / f"{name}.txt"


def fetch_jars() -> None:
    """The jars of requirements/jars.txt, by Ivy, which comes with pyspark; each checked against its SHA-256."""
    folder = VENVS / "jars"
    wanted = [line.split() for line in (REPOSITORY / "requirements" / "jars.txt").read_text().splitlines() if line]
    absent = [(digest, coordinate) for digest, coordinate in wanted if sha256(folder / jar_name(coordinate)) != digest]
    if not absent:
        return
    ivy = next((VENVS / "pipeline").glob("lib/python3*/site-packages/pyspark/jars/ivy-*.jar"))
    for digest, coordinate in absent:
        say(f"jar {coordinate}: fetching")
        pattern = str(folder / "[artifact]-[revision].[ext]")
        options = ["-cache", str(folder / "cache"), "-confs", "default", "-notransitive", "-retrieve", pattern]
        run(["java", "-jar", str(ivy), "-dependency", *coordinate.split(":"), *options], quiet=True)
        found = sha256(folder / jar_name(coordinate))
        if found != digest:
            (folder / jar_name(coordinate)).unlink(missing_ok=True)
            raise Missing(f"jar {coordinate}: expected SHA-256 {digest}, found {found}; the file was removed")
    shutil.rmtree(folder / "cache", ignore_errors=True)


def jar_name(coordinate: str) -> str:
    _, artifact, version = coordinate.split(":")
    return f"{artifact}-{version}.jar"


def sha256(path: Path) -> str | None:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else None


def run(command: list[str], quiet: bool = False) -> None:
    """Run to the end; its last lines become the message if it fails."""
    done = subprocess.run(command, capture_output=quiet, text=True, check=False)
    if done.returncode:
        last = "\n".join(((done.stdout or "") + (done.stderr or "")).splitlines()[-5:])
        raise Missing(f"`{' '.join(command[:4])} …` failed with code {done.returncode}\n{last}".rstrip())


def say(text: str) -> None:
    sys.stderr.write(f"set-up · {text}\n")


def main() -> int:
    names = tuple(sys.argv[1:]) or ENVIRONMENTS
    try:
        check_prerequisites()
        make_environments(names)
        fetch_jars()
    except Missing as error:
        sys.stderr.write(f"{error}\n")
        return ENVIRONMENT_FAULT
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
