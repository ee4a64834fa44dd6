"""The bill of materials names what is there; the audit says what it did not look at."""

from __future__ import annotations

import hashlib
import json
import zipfile
from pathlib import Path

import pytest

from spark_jobs.errors import EnvironmentFault
from stack.audit import bill_of_jars, bills_of_materials, known_vulnerabilities, verdict
from stack.bootstrap import ENVIRONMENTS, VENVS, lock, make_environments
from stack.layout import Layout
from stack.render import LICENCES, _licence_table

POM = "META-INF/maven/org.example/{name}/pom.properties"


def jar(folder: Path, file: str, *artifacts: str) -> Path:
    path = folder / file
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("Some.class", file)
        for name in artifacts:
            archive.writestr(POM.format(name=name), f"#\ngroupId=org.example\nartifactId={name}\nversion=2.1\n")
    return path


@pytest.mark.unit
def test_a_jar_is_named_by_what_it_says_and_by_its_file_otherwise(tmp_path: Path) -> None:
    jars = [jar(tmp_path, "one-9.jar", "one"), jar(tmp_path, "shaded-1.5.jar", "a", "b"), jar(tmp_path, "bare.jar")]
    found = {component["bom-ref"]: component for component in bill_of_jars(jars)["components"]}
    assert found["one-9.jar"]["purl"] == "pkg:maven/org.example/one@2.1"
    assert (found["shaded-1.5.jar"]["name"], found["shaded-1.5.jar"]["version"]) == ("shaded", "1.5")
    assert "purl" not in found["shaded-1.5.jar"]
    assert found["bare.jar"]["name"] == "bare"
    for path in jars:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        assert found[path.name]["hashes"] == [{"alg": "SHA-256", "content": digest}]


@pytest.mark.unit
def test_what_was_not_looked_at_is_said() -> None:
    known = {"name": "a", "version": "1", "vulns": [{"id": "PYSEC-1", "fix_versions": ["2"]}]}
    clean, skipped = {"name": "b", "version": "1", "vulns": []}, {"name": "c", "skip_reason": "not found"}
    found = verdict("pipeline", {"dependencies": [known, clean, skipped]})
    assert found.n_asked == 2
    assert found.vulnerable == ("a 1: PYSEC-1, mended in 2",)
    assert "not looked at, unknown to the service: c" in str(found)
    assert "no answer" in str(verdict("pipeline", {"dependencies": [skipped]}))


@pytest.mark.unit
def test_without_its_tools_the_audit_says_how_to_get_them(tmp_path: Path) -> None:
    layout = Layout(state=tmp_path, published=tmp_path, port_base=1, repository=tmp_path)
    with pytest.raises(EnvironmentFault, match="make audit"):
        known_vulnerabilities(layout, "pipeline")


@pytest.mark.e2e
def test_each_environment_has_its_bill_of_every_locked_package(tmp_path: Path) -> None:
    make_environments(("audit",))
    layout = Layout(state=tmp_path, published=tmp_path, port_base=1)
    written = dict(bills_of_materials(layout))
    assert [path.name for path in written] == [*(f"{name}.cdx.json" for name in ENVIRONMENTS), "jars.cdx.json"]
    for name in ENVIRONMENTS:
        document = json.loads((tmp_path / "sbom" / f"{name}.cdx.json").read_text())
        there = {
            (each["name"].lower().replace("_", "-").replace(".", "-"), each["version"])
            for each in document["components"]
        }
        wanted = [
            line.split()[0] for line in lock(name).read_text().splitlines() if "==" in line and line[0] not in " #"
        ]
        pinned = {
            (package.partition("[")[0].partition("==")[0].replace(".", "-"), package.partition("==")[2])
            for package in wanted
        }
        assert pinned - there == set()
    n_spark = len(list((VENVS / "pipeline").glob("lib/python3*/site-packages/pyspark/jars/*.jar")))
    assert written[tmp_path / "sbom" / "jars.cdx.json"] > n_spark > 100


@pytest.mark.unit
def test_an_environment_that_this_machine_has_not_made_keeps_its_licences(tmp_path: Path) -> None:
    nowhere = Layout(state=tmp_path, published=tmp_path, port_base=1, repository=tmp_path)
    page = LICENCES.read_text(encoding="utf-8")
    for environment in ENVIRONMENTS:
        table = "\n".join(_licence_table(nowhere, environment))
        assert table.count("\n| ") > 5 and f"## Python environment `{environment}`\n{table}" in page
