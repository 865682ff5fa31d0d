"""Makes a section of what was gathered; pydantic's faults get the keys as they were written."""

from copy import deepcopy
from typing import TypeVar, get_args

from pydantic import BaseModel, ValidationError

from ray_promptopt.config.base import Section
from ray_promptopt.config.gather import Gathered, Problems, note_unknown

SectionT = TypeVar("SectionT", bound=Section)
Location = tuple[int | str, ...]


def build(model: type[SectionT], gathered: Gathered, problems: Problems) -> SectionT | None:
    """The section; None, with each fault noted under its key, when it is not valid."""
    try:
        return model.model_validate(gathered.values)
    except ValidationError as error:
        faults = error.errors(include_url=False)
    unknown: list[Location] = []
    for fault in faults:
        first, *rest = fault["loc"] or ("",)
        key = ".".join([gathered.key(str(first)), *(str(part) for part in rest)])
        if fault["type"] == "extra_forbidden":
            note_unknown(key, fault["input"], _fields_at(model, fault["loc"]), problems)
            unknown.append(fault["loc"])
        else:
            value = None if fault["type"] == "missing" else fault["input"]
            problems.add(key, value, fault["msg"])
    if problems.strict or len(unknown) < len(faults):
        return None
    values = deepcopy(gathered.values)
    for location in unknown:
        _drop(values, location)
    return model.model_validate(values)


def _fields_at(model: type[BaseModel], location: Location) -> list[str]:
    """Names of the fields that the table around `location` may have."""
    here: type[BaseModel] | None = model
    for part in location[:-1]:
        if here is not None and part in here.model_fields:
            here = _section_in(here.model_fields[str(part)].annotation)
    return [] if here is None else list(here.model_fields)


def _section_in(annotation: object) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    inner = (_section_in(argument) for argument in get_args(annotation))
    return next((section for section in inner if section is not None), None)


def _drop(container: object, location: Location) -> None:
    for part in location[:-1]:
        if isinstance(container, dict):
            container = container.get(part)
        elif isinstance(container, list) and isinstance(part, int):
            container = container[part]
    if isinstance(container, dict):
        container.pop(location[-1], None)
