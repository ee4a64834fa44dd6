"""YAML that remembers where each value stands, so that an answer can say file, line, expected, found."""

from __future__ import annotations

from collections.abc import Callable, Container, Hashable, Iterable, Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeVar, get_args, get_origin

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

Model = TypeVar("Model", bound=BaseModel)
Location = tuple[int | str, ...]
TODO = "TODO"  # what a drafted contract says where a person has to decide


class ContractError(Exception):
    """A contract file that cannot be used. The text names every fault: file, line, expected, found."""


class ContractFault(NamedTuple):
    """One thing that is wrong: the keys that lead to it, what is expected there, and what is there."""

    location: Location
    expected: str
    found: str


class _UniqueKeyLoader(yaml.SafeLoader):
    """SafeLoader that refuses two things. A key given twice: the later one would win in silence. An alias: a few lines
    of aliases of aliases stand for more values than any machine can hold.
    """

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            problem = "an alias (*name); a contract says everything where it stands"
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise yaml.MarkedYAMLError(problem=problem, problem_mark=mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=deep)
            if not isinstance(key, Hashable):
                problem = "a list or a mapping as a key; a text with { or [ in it needs quotes"
                raise yaml.MarkedYAMLError(problem=problem, problem_mark=key_node.start_mark)
            if key in seen:
                raise yaml.MarkedYAMLError(problem=f"key {key!r} is given twice", problem_mark=key_node.start_mark)
            seen.add(key)
        return super().construct_mapping(node, deep)


def _timestamp(loader: _UniqueKeyLoader, node: yaml.ScalarNode) -> Any:
    """What looks like a day must be one: 2026-02-30 is answered with its line, not with a ValueError."""
    try:
        return loader.construct_yaml_timestamp(node)
    except ValueError as error:
        raise yaml.MarkedYAMLError(
            problem=f"{node.value!r}, which is no day ({error})", problem_mark=node.start_mark
        ) from None


_UniqueKeyLoader.add_constructor("tag:yaml.org,2002:timestamp", _timestamp)


def load(
    path: Path,
    model: type[Model],
    extra: dict[str, Any] | None = None,
    check: Callable[[Model], Iterable[ContractFault]] = lambda _: (),
) -> Model:
    """Read one YAML file into a frozen model.

    `extra` adds fields that the file's place decides (a feed's city); `check` finds what the model alone cannot see.
    Raises ContractError with every fault: file, line, field, expected, found.
    """
    try:
        text = path.read_text(encoding="utf-8")
        raw = yaml.load(text, Loader=_UniqueKeyLoader)  # noqa: S506 - a SafeLoader that also refuses doubles
    except OSError as error:
        raise ContractError(f"{path}: expected a file that can be read, found: {error.strerror}") from error
    except UnicodeDecodeError as error:
        line = path.read_bytes()[: error.start].count(b"\n") + 1
        raise ContractError(f"{path}:{line}: expected UTF-8, found: byte 0x{error.object[error.start]:02x}") from error
    except yaml.YAMLError as error:
        raise ContractError(f"{path}:{_not_yaml(text, error)}") from error
    if not isinstance(raw, dict):
        raise ContractError(f"{path}:1: expected a mapping of fields, found {_shown(raw)}")
    tree = yaml.compose(text, Loader=yaml.SafeLoader)
    given = extra or {}
    faults = list(_undecided(tree))
    faults += [
        ContractFault((key,), "no such key: the folder says it", _shown(raw[key])) for key in given if key in raw
    ]
    if not faults:
        try:
            loaded = model.model_validate({**raw, **given})
            faults = list(check(loaded))
        except ValidationError as error:
            faults = [_in_words(fault, model, given) for fault in error.errors()]
    if faults:
        raise ContractError(_report(path, tree, faults))
    return loaded


def _not_yaml(text: str, error: yaml.YAMLError) -> str:
    """`line: expected, found` of a text that is no YAML."""
    if isinstance(error, yaml.MarkedYAMLError):
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        if error.problem and ("\\t" in error.problem or "tab" in error.problem):
            return f"{line}: expected YAML, indented with blanks, found: a tab"
        return f"{line}: expected YAML, found: {error.problem}"
    position = getattr(error, "position", 0)  # a character that YAML forbids, such as NUL
    found = f"character {text[position]!r}" if position < len(text) else str(error)
    return f"{text.count(chr(10), 0, position) + 1}: expected YAML, found: {found}"


def _undecided(node: yaml.Node | None, location: Location = ()) -> Iterator[ContractFault]:
    """Every TODO that is left of a draft."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield from _undecided(value, (*location, str(key.value)))
    elif isinstance(node, yaml.SequenceNode):
        for number, value in enumerate(node.value):
            yield from _undecided(value, (*location, number))
    elif isinstance(node, yaml.ScalarNode) and node.value == TODO:
        yield ContractFault(location, "a decision", TODO)


def _in_words(fault: ErrorDetails, model: type[BaseModel], given: Container[str]) -> ContractFault:
    """pydantic's account of a fault in the words of the contract's author. `given`: fields that are not the author's."""
    location, found, context = fault["loc"], fault["input"], fault.get("ctx", {})
    match fault["type"]:
        case "extra_forbidden":
            fields = [name for name in _fields_at(model, location[:-1]) if len(location) > 1 or name not in given]
            return ContractFault(location, one_of(fields, str(location[-1])), repr(location[-1]))
        case "missing":
            return ContractFault(location, f"the field `{location[-1]}`", "no such key")
        case "union_tag_not_found":
            return ContractFault(location, "the field `type`", "no such key")
        case "union_tag_invalid":
            return ContractFault((*location, "type"), f"one of {context['expected_tags']}", repr(context["tag"]))
        case "string_type" if isinstance(found, int | float) or hasattr(found, "isoformat"):
            return ContractFault(location, "a text: put it in quotes", _shown(found))
    message = fault["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
    return ContractFault(location, message.replace("tuple", "list").replace("dictionary", "mapping"), _shown(found))


def one_of(names: Iterable[str], found: str) -> str:
    """`one of …`, the likely ones first."""
    listed = list(names)
    near = get_close_matches(found, listed, n=1)
    return f"one of {', '.join(listed)}" + (f" (perhaps {near[0]})" if near else "")


def _fields_at(model: type[BaseModel], location: Location) -> list[str]:
    """Names, as written in YAML, of the fields that the model has at a location."""
    here = [model]
    for step in location:
        fields = [f for each in here for name, f in each.model_fields.items() if (f.alias or name) == step]
        if fields:
            here = [inner for field in fields for inner in _models_in((field.annotation, *field.metadata))]
        else:  # a key of a mapping, a place in a list, or the tag of a union, which chooses among the models
            tagged = [
                each for each in here if step in get_args(getattr(each.model_fields.get("type"), "annotation", None))
            ]
            here = tagged or here
    return [field.alias or name for each in here for name, field in each.model_fields.items()]


def _models_in(annotation: object) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and get_origin(annotation) is None and issubclass(annotation, BaseModel):
        return [annotation]
    if get_origin(annotation) is Literal:
        return []
    inner = annotation if isinstance(annotation, tuple) else get_args(annotation)
    return [found for each in inner for found in _models_in(each)]


def _report(path: Path, tree: yaml.Node | None, faults: list[ContractFault]) -> str:
    """One line a fault, in the order of the file. What several types of a union say about one value is one fault."""
    told: dict[tuple[int, str, str], list[str]] = {}
    for fault in faults:
        expectations = told.setdefault((*_place(tree, fault.location), fault.found), [])
        if fault.expected not in expectations:
            expectations.append(fault.expected)
    return "\n".join(
        f"{path}:{line}: {name or 'file'}: expected: {' or '.join(expectations)}; found {found}"
        for (line, name, found), expectations in sorted(told.items())
    )


def _place(node: yaml.Node | None, location: Location) -> tuple[int, str]:
    """Line (from 1) of the deepest node on `location` that exists in the file, and the keys that lead to the fault."""
    line, keys = 1, []
    for number, step in enumerate(location):
        child = None
        if isinstance(node, yaml.MappingNode):
            child = next((pair for pair in node.value if pair[0].value == str(step)), None)
            if child:
                line, node = child[0].start_mark.line + 1, child[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            node = child = node.value[step]
            line = node.start_mark.line + 1
        if child is not None or (number == len(location) - 1 and isinstance(node, yaml.MappingNode)):
            keys.append(str(step))  # other steps are pydantic's own, such as the tag of a union
    return line, ".".join(keys)


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."
