"""The error of a health profile."""

from pydantic import ValidationError


class ProfileError(ValueError):
    """A profile whose model is invalid, with the errors of that model."""

    def __init__(self, name: str, errors: ValidationError) -> None:
        first = errors.errors(include_url=False, include_input=False)[0]
        where = ".".join(["profiles", name, *map(str, first["loc"])])
        super().__init__(f"{where}: {first['msg'].removeprefix('Value error, ')}")
        self.name = name
        self.errors = errors
