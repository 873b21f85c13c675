"""Calls turned into the bytes that Dhan's own client would send for them.

The classes of ``dhanhq`` are the contract for endpoints and payloads. Here they speak to an HTTP object that sends
nothing and hands back what it was asked to send; the transport sends it. A contract test runs the real client beside
this one and compares what arrives.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from copyctl.model.request import Call

Request = tuple[str, str, bytes | None]
"""Verb, path below the REST address, body."""


@dataclass(frozen=True, slots=True)
class _Captured:
    verb: str
    path: str
    payload: Mapping[str, object] | None = None


class _CapturingHttp:
    """Stands where the client has its HTTP object: a request comes back as the answer to itself."""

    @staticmethod
    def get(endpoint: str) -> _Captured:
        return _Captured("GET", endpoint)

    @staticmethod
    def post(endpoint: str, payload: Mapping[str, object]) -> _Captured:
        return _Captured("POST", endpoint, payload)

    @staticmethod
    def put(endpoint: str, payload: Mapping[str, object]) -> _Captured:
        return _Captured("PUT", endpoint, payload)

    @staticmethod
    def delete(endpoint: str) -> _Captured:
        return _Captured("DELETE", endpoint)


class _CapturingContext:
    """Stands where the client has its context."""

    def __init__(self, client_id: str) -> None:
        self._client_id = client_id

    def get_dhan_http(self) -> type[_CapturingHttp]:
        return _CapturingHttp

    def get_client_id(self) -> str:
        return self._client_id


def _number(value: object) -> float:
    """A price as the client writes it: the shortest decimal fraction that is that number."""
    if isinstance(value, Decimal):
        return float(value)
    raise TypeError(f"a {type(value).__name__} has no place in a request")


_WRITE: Callable[[object], str] = json.JSONEncoder(default=_number).encode


class ClientEncoder:
    """The requests of one account."""

    def __init__(self, client_id: str) -> None:
        from dhanhq import dhanhq  # noqa: PLC0415  heavy: only a command that talks to the broker loads it

        self._client_id = client_id
        self._client = dhanhq(_CapturingContext(client_id))

    def encode(self, call: Call) -> Request:
        """Verb, path and body of a call, as the client would send them: a body that says something carries
        ``dhanClientId`` at its end, one that says nothing is not sent.

        Raises:
            AttributeError, TypeError: no such method of the client, or not these arguments.
            ValueError: the call is none, or names a method that asks the broker for nothing.
        """
        if call.method:
            if call.method.startswith("_"):
                raise ValueError(f"{call.method} is no request")
            captured = getattr(self._client, call.method)(**(call.arguments or {}))
        else:
            captured = _Captured(call.verb, call.path, call.body)
        if not isinstance(captured, _Captured) or not captured.path.startswith("/"):
            raise ValueError(f"{call.method or call.verb} is no request")
        if not captured.payload:
            return captured.verb, captured.path, None
        payload = dict(captured.payload)
        payload["dhanClientId"] = self._client_id
        return captured.verb, captured.path, _WRITE(payload).encode("ascii")
