"""YAML that remembers where each value stands, so that an error can name file and line."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

Model = TypeVar("Model", bound=BaseModel)
Location = tuple[int | str, ...]


class ContractError(Exception):
    """A contract file that cannot be used. The text names every fault: file, line, expected, found."""


class _UniqueKeyLoader(yaml.SafeLoader):
    """SafeLoader that refuses a key given twice: the later one would win in silence."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=deep)
            if key in seen:
                raise yaml.MarkedYAMLError(problem=f"key {key!r} is given twice", problem_mark=key_node.start_mark)
            seen.add(key)
        return super().construct_mapping(node, deep)


def _line_of(node: yaml.Node | None, location: Location) -> int:
    """Line (from 1) of the deepest node on `location` that exists in the file."""
    line = 1
    for step in location:
        if node is None:
            break
        line = node.start_mark.line + 1
        if isinstance(node, yaml.MappingNode):
            child = next((pair for pair in node.value if pair[0].value == str(step)), None)
            if child is None:
                continue  # a step that pydantic added, such as the tag of a union
            line, node = child[0].start_mark.line + 1, child[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            node = node.value[step]
            line = node.start_mark.line + 1
    return line


def _found(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def load(path: Path, model: type[Model], extra: dict[str, Any] | None = None) -> Model:
    """Read one YAML file into a frozen model.

    `extra` adds fields that the file's place decides (a feed's city). Raises ContractError.
    """
    try:
        text = path.read_text(encoding="utf-8")
        raw = yaml.load(text, Loader=_UniqueKeyLoader)  # noqa: S506 - a SafeLoader that also refuses doubles
    except (OSError, UnicodeDecodeError) as error:
        raise ContractError(f"{path}: cannot be read: {error}") from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        raise ContractError(f"{path}:{mark.line + 1 if mark else 1}: expected YAML, found: {error.problem}") from error
    if not isinstance(raw, dict):
        raise ContractError(f"{path}:1: expected a mapping of fields, found {_found(raw)}")
    try:
        return model.model_validate({**raw, **(extra or {})})
    except ValidationError as error:
        tree = yaml.compose(text)
        faults = sorted(
            (_line_of(tree, fault["loc"]), ".".join(map(str, fault["loc"])), fault) for fault in error.errors()
        )
        lines = [
            f"{path}:{line}: {name or 'file'}: expected: {fault['msg']}; found {_found(fault['input'])}"
            for line, name, fault in faults
        ]
        raise ContractError("\n".join(lines)) from None
