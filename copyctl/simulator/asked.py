"""What does a control command say?"""

import json
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation


class Unfit(ValueError):
    """A value that cannot be used, of the wrong type or out of bounds."""


class Asked(dict[str, object]):
    """A command's fields, read with a ValueError for what is missing or unfit."""

    def text(self, name: str) -> str:
        value = self.get(name)
        if value is None or value == "":
            raise ValueError(f"{name} is missing")
        return str(value)

    def integer(self, name: str) -> int:
        try:
            return int(self.text(name))
        except ValueError:
            raise ValueError(f"{name}: wants a whole number") from None

    def optional_integer(self, name: str) -> int | None:
        return None if self.get(name) is None else self.integer(name)

    def decimal(self, name: str) -> Decimal:
        try:
            return Decimal(self.text(name))
        except InvalidOperation:
            raise ValueError(f"{name}: wants a number") from None

    def texts(self, name: str) -> list[str]:
        value = self.get(name)
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            raise Unfit(f"{name}: wants a list of texts")
        return value

    def flag(self, name: str, otherwise: bool) -> bool:
        value = self.get(name, otherwise)
        if not isinstance(value, bool):
            raise Unfit(f"{name}: wants true or false")
        return value

    def rows(self, name: str) -> list[dict[str, object]]:
        value = self.get(name)
        if not isinstance(value, list) or not all(isinstance(row, dict) for row in value):
            raise Unfit(f"{name}: wants a list of objects")
        return value

    def fields(self, name: str) -> dict[str, object]:
        value = self.get(name)
        if not isinstance(value, dict):
            raise Unfit(f"{name}: wants an object")
        return value


def read_command(raw: bytes, query: Mapping[str, str]) -> Asked:
    """A command's fields, from the body and the query."""
    body = json.loads(raw) if raw else {}
    if not isinstance(body, dict):
        raise Unfit("wants a JSON object")
    return Asked({**query, **body})
