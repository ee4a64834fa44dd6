"""The supply chain: what each environment holds, as CycloneDX, and what is publicly known against it.

Both come from kept tools in an environment of their own (requirements/audit.in), made by `make audit`.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spark_jobs.errors import EnvironmentFault
from stack.bootstrap import ENVIRONMENTS, lock
from stack.layout import Layout

SPECIFICATION = "1.6"


def bills_of_materials(layout: Layout) -> Iterator[tuple[Path, int]]:
    """Write .state/sbom/<environment>.cdx.json and jars.cdx.json; yields each with its number of components.

    The same environments give the same bytes. Raises EnvironmentFault if the tool is not there.
    """
    folder = layout.state / "sbom"
    folder.mkdir(parents=True, exist_ok=True)
    for name in ENVIRONMENTS:
        path = folder / f"{name}.cdx.json"
        options: list[str | Path] = [
            "--no-validate",
            "--output-reproducible",
            "--sv",
            SPECIFICATION,
            "--of",
            "JSON",
            "-o",
            path,
        ]
        _run(layout, "cyclonedx_py", "environment", *options, layout.python(name))
        yield path, len(json.loads(path.read_text(encoding="utf-8"))["components"])
    path, document = folder / "jars.cdx.json", bill_of_jars(_jars(layout))
    path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    yield path, len(document["components"])


def bill_of_jars(jars: list[Path]) -> dict[str, Any]:
    """A CycloneDX document of Java archives, each with its SHA-256 and, where it says them, its Maven coordinates."""
    return {
        "bomFormat": "CycloneDX",
        "specVersion": SPECIFICATION,
        "version": 1,
        "components": [_component(jar) for jar in sorted(jars, key=lambda jar: jar.name)],
    }


def _jars(layout: Layout) -> list[Path]:
    """What the one Spark server loads: its own archives and those of requirements/jars.txt."""
    packages = layout.python("pipeline").parents[1] / "lib"
    return [*layout.jars.glob("*.jar"), *packages.glob("python3*/site-packages/pyspark/jars/*.jar")]


def _component(jar: Path) -> dict[str, Any]:
    name, _, version = jar.stem.rpartition("-")
    found = {"type": "library", "name": name or jar.stem, "version": version if name else ""}
    if coordinates := _coordinates(jar):
        group, found["name"], found["version"] = coordinates
        found |= {"group": group, "purl": f"pkg:maven/{group}/{found['name']}@{found['version']}"}
    digest = hashlib.sha256(jar.read_bytes()).hexdigest()
    return {**found, "bom-ref": jar.name, "hashes": [{"alg": "SHA-256", "content": digest}]}


def _coordinates(jar: Path) -> tuple[str, str, str] | None:
    """Group, artifact and version of an archive that Maven has built; none of an archive that holds several or does not
    say.
    """
    with zipfile.ZipFile(jar) as archive:
        said = [name for name in archive.namelist() if name.endswith("/pom.properties")]
        if len(said) != 1:
            return None
        lines = archive.read(said[0]).decode("utf-8", errors="replace").splitlines()
    values = {key.strip(): value.strip() for key, _, value in (line.partition("=") for line in lines)}
    if not all(values.get(key) for key in ("groupId", "artifactId", "version")):
        return None
    return values["groupId"], values["artifactId"], values["version"]


@dataclass(frozen=True)
class Verdict:
    """What is known against the packages of an environment."""

    environment: str
    n_asked: int
    vulnerable: tuple[str, ...]
    unknown: tuple[str, ...]

    def __str__(self) -> str:
        if not self.n_asked:
            return f"· {self.environment}: not looked at: no answer of the vulnerability service; run it where there is a network"
        lines = [f"{'✗' if self.vulnerable else '✓'} {self.environment}: {self.n_asked} packages looked at"]
        lines += [f"  {line}" for line in self.vulnerable]
        if self.unknown:
            lines.append(f"  not looked at, unknown to the service: {', '.join(self.unknown)}")
        return "\n".join(lines)


def known_vulnerabilities(layout: Layout, environment: str) -> Verdict:
    """Ask the Python Packaging Advisory Database about each package of a lock. Packages that it does not know are
    named.
    """
    options = ["--disable-pip", "--require-hashes", "--progress-spinner", "off", "--format", "json"]
    answer = _run(layout, "pip_audit", *options, "--requirement", lock(environment), codes=(0, 1))
    try:
        return verdict(environment, json.loads(answer))
    except ValueError:  # pip-audit gives up as a whole where nothing answers
        return Verdict(environment, 0, (), ())


def verdict(environment: str, answer: dict[str, Any]) -> Verdict:
    """What pip-audit's JSON says."""
    asked = [package for package in answer["dependencies"] if "skip_reason" not in package]
    return Verdict(
        environment,
        len(asked),
        tuple(
            f"{package['name']} {package['version']}: {known['id']}, mended in {', '.join(known['fix_versions']) or 'no version'}"
            for package in asked
            for known in package["vulns"]
        ),
        tuple(package["name"] for package in answer["dependencies"] if "skip_reason" in package),
    )


def _run(layout: Layout, module: str, *arguments: str | Path, codes: tuple[int, ...] = (0,)) -> str:
    python = layout.python("audit")
    if not python.exists():
        raise EnvironmentFault(f"audit: {python} is not there; make audit installs it")
    done = subprocess.run([python, "-m", module, *arguments], capture_output=True, text=True, check=False)
    if done.returncode not in codes:
        raise EnvironmentFault(f"audit: {module} failed with code {done.returncode}: {done.stderr.strip()[-500:]}")
    return done.stdout
