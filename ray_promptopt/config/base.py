"""What every section of the config shares: frozen, no unknown fields, a docstring per field."""

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field


class Section(BaseModel):
    """A frozen part of the config; the attribute docstrings are its help and its schema."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, use_attribute_docstrings=True, allow_inf_nan=False
    )


def _refuse_bool(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError("give a number, not true or false")
    return value


PositiveInt = Annotated[int, Field(strict=True, gt=0)]
NonNegativeInt = Annotated[int, Field(strict=True, ge=0)]
PositiveFloat = Annotated[float, BeforeValidator(_refuse_bool), Field(gt=0)]
NonNegativeFloat = Annotated[float, BeforeValidator(_refuse_bool), Field(ge=0)]
Rate = Annotated[float, BeforeValidator(_refuse_bool), Field(ge=0, le=1)]
