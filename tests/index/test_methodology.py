"""methodology.yml is complete, sums up, and refuses what it does not know."""

from pathlib import Path

import pytest
import yaml

from spark_jobs.index.methodology import METHODOLOGY_PATH, Methodology, MethodologyError, load_methodology

pytestmark = pytest.mark.unit


def test_the_tree_is_the_published_one(methodology: Methodology) -> None:
    assert [(domain.id, domain.weight) for domain in methodology.domains] == [
        ("public_security", 35),
        ("incidents", 30),
        ("disputes", 20),
        ("demands_and_grid", 15),
    ]
    assert [indicator.id[:2] for indicator in methodology.indicators] == (
        ["a1", "a2", "a3", "a4", "b1", "b2", "b3", "b4", "c1", "c2", "c3", "c4", "d1", "d2", "d3", "d4", "d5"]
    )
    assert [indicator.id for indicator in methodology.indicators if indicator.flow_or_stock == "stock"] == [
        "c3_open_over_30_days"
    ]


def test_every_text_is_in_both_languages(methodology: Methodology) -> None:
    for indicator in methodology.indicators:
        for text in (indicator.name, indicator.unit, indicator.meaning):
            assert text.zh.strip() and text.en.strip() and text.zh != text.en


def test_a_death_weighs_six_thousand_days(methodology: Methodology) -> None:
    road = next(i for i in methodology.indicators if i.id == "b1_road_casualties")
    assert dict(zip(road.strata, methodology.harm_days(road), strict=True)) == {
        "death": 6000,
        "serious_injury": 600,
        "minor_injury": 30,
    }


def test_the_method_of_an_older_release_is_read(methodology: Methodology) -> None:
    """A stranger verifies a folder from before `measure` was called `flow_or_stock`."""
    written = methodology.model_dump_json()
    assert '"flow_or_stock"' in written
    assert Methodology.model_validate_json(written.replace('"flow_or_stock"', '"measure"')) == methodology


def test_a_release_from_before_limits_were_each_citys_can_still_be_read(methodology: Methodology) -> None:
    of_before = methodology.model_dump(mode="json")
    of_before["flags"]["f10_threshold"] |= {"limit": 100.0, "unit": {"zh": "升", "en": "litres"}}
    assert Methodology.model_validate(of_before) == methodology


def test_models_are_frozen(methodology: Methodology) -> None:
    with pytest.raises(ValueError, match="frozen"):
        methodology.version = "other"  # type: ignore[misc]


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        (("posterior", "drawz"), 10, "posterior.drawz"),
        (("domains", 0, "weight"), 36, "weights must sum to 100"),
        (("domains", 0, "indicators", 0, "weight"), 41, "public_security"),
        (("domains", 0, "indicators", 0, "strata"), ["death", "boredom"], "boredom"),
        (("domains", 0, "indicators", 1, "id"), "a1_violent_crime", "a1_violent_crime"),
        (("domains", 0, "indicators", 0, "denominator"), None, "names its denominator"),
        (("domains", 1, "indicators", 0, "incident_family"), None, "incident_family"),
        (("severity", "all", "days"), 2, "plain count"),
        (("posterior", "interval"), 1.2, "posterior.interval"),
    ],
)
def test_a_wrong_entry_is_named(tmp_path: Path, path: tuple[str | int, ...], value: object, expected: str) -> None:
    content = yaml.safe_load(METHODOLOGY_PATH.read_text(encoding="utf-8"))
    place = content
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    changed = tmp_path / "methodology.yml"
    changed.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    with pytest.raises(MethodologyError, match=expected):
        load_methodology(changed)


@pytest.mark.bad_input
@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00", b"version: [1"])
def test_what_is_no_methodology_file_is_said_in_one_report(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "next.yml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(MethodologyError, match="next.yml: expected a methodology file"):
        load_methodology(path)
