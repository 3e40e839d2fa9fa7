"""Tryton's public JSON-RPC API: one logged-in client, its values and its errors.

Source: Tryton 8.2, `trytond/protocols/jsonrpc.py` and `dispatcher.py`. Calls go to `/DATABASE/rpc/`
with `Session` authentication; HTTP Basic would hash the password anew on every call.
"""

from __future__ import annotations

import base64
from datetime import date
from decimal import Decimal
from typing import Any

import httpx
import msgspec

from connectors.deliveries.delivery import ErpAway, ErpUnusable
from connectors.deliveries.settings import TrytonSettings

CONNECT_SECONDS = 10
_TOO_MANY_REQUESTS = 429


class TrytonRefusal(Exception):
    """Tryton would not do what was asked, in its own words."""

    def __init__(self, words: str) -> None:
        super().__init__(words)
        self.words = words


def decimal_value(amount: Decimal) -> dict[str, str]:
    """A decimal as the API writes it."""
    return {"__class__": "Decimal", "decimal": str(amount)}


def date_value(iso_day: str) -> dict[str, str | int]:
    """A day as the API writes it. Raises ValueError for what is no ISO date."""
    day = date.fromisoformat(iso_day)
    return {"__class__": "date", "year": day.year, "month": day.month, "day": day.day}


def plain_decimal(value: Any) -> Decimal:
    """A decimal that the API wrote; missing is zero."""
    if isinstance(value, dict):
        return Decimal(value["decimal"])
    return Decimal(value or 0)


def plain_date(value: dict[str, int]) -> str:
    """The ISO day of a date that the API wrote."""
    return date(value["year"], value["month"], value["day"]).isoformat()


class TrytonRpc:
    """Calls of one user on one database; logs in when needed, and again when logged out."""

    def __init__(self, settings: TrytonSettings, password: str) -> None:
        self._settings = settings
        self._password = password
        timeout = httpx.Timeout(settings.timeout_seconds, connect=CONNECT_SECONDS)
        self._http = httpx.Client(base_url=settings.url.rstrip("/"), timeout=timeout)
        self._token: str | None = None
        self._preferences: dict[str, Any] = {}

    def close(self) -> None:
        """Close the connection."""
        self._http.close()

    @property
    def shown_company(self) -> int | None:
        """The only company whose records the user is shown; None when it is all of the user's."""
        self._log_in()
        if self._preferences.get("company_filter", "all") == "all":
            return None
        shown: int | None = self._preferences.get("company")
        return shown

    def call(
        self,
        method: str,
        *parameters: Any,
        company: int | None = None,
        context: dict[str, Any] | None = None,
    ) -> Any:
        """Call `model.….method` and return its result.

        `company`: id of the company in whose name it is done; `context`: what the method looks
        at besides its parameters. Raises TrytonRefusal when Tryton
        refuses it, ErpAway when what became of it is not known, ErpUnusable for a login that does
        not work.
        """
        self._log_in()
        answer = self._post(method, [*parameters, self._context(company, context)])
        if answer.status_code == httpx.codes.UNAUTHORIZED:
            # It has expired, or is too old to post with.
            self._token = None
            self._log_in()
            answer = self._post(method, [*parameters, self._context(company, context)])
        return self._result(answer, method)

    def _context(self, company: int | None, more: dict[str, Any] | None) -> dict[str, Any]:
        own = {} if company is None else {"company": company}
        return {**self._preferences, **own, **(more or {})}

    def _log_in(self) -> None:
        if self._token is not None:
            return
        user = self._settings.user
        answer = self._post("common.db.login", [user, {"password": self._password}])
        if answer.status_code == httpx.codes.UNAUTHORIZED:
            raise ErpUnusable(
                f"Tryton does not let the user {user!r} in",
                f"correct `tryton.user`, or the password in {self._settings.password_env}",
            )
        user_id, token = self._result(answer, "common.db.login")[:2]
        self._token = base64.b64encode(f"{user}:{user_id}:{token}".encode()).decode()
        preferences = self._post("model.res.user.get_preferences", [True, {}])
        self._preferences = self._result(preferences, "get_preferences")

    def _post(self, method: str, parameters: list[Any]) -> httpx.Response:
        headers = {"Content-Type": "application/json"}
        if self._token is not None:
            headers["Authorization"] = f"Session {self._token}"
        body = msgspec.json.encode({"id": 1, "method": method, "params": parameters})
        try:
            return self._http.post(
                f"/{self._settings.database}/rpc/", content=body, headers=headers
            )
        except httpx.TransportError as error:
            raise ErpAway(f"Tryton does not answer: {_described(error)}") from error

    def _result(self, answer: httpx.Response, method: str) -> Any:
        self._check_status(answer, method)
        try:
            decoded = msgspec.json.decode(answer.content)
        except msgspec.DecodeError as error:
            raise ErpAway("Tryton's answer is not JSON") from error
        if not isinstance(decoded, dict) or ("result" not in decoded and "error" not in decoded):
            raise ErpAway("Tryton's answer is not one of its JSON-RPC API")
        if decoded.get("error"):
            raise _refusal(decoded["error"])
        return decoded["result"]

    def _check_status(self, answer: httpx.Response, method: str) -> None:
        status = answer.status_code
        if status == httpx.codes.NOT_FOUND:
            raise ErpUnusable(
                f"there is no Tryton database {self._settings.database!r} at this address",
                "correct `tryton.url` and `tryton.database`",
            )
        if status in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
            raise ErpUnusable(
                f"Tryton does not allow the user {self._settings.user!r} to call {method}",
                "give the user the accounting groups in Tryton",
            )
        if status != httpx.codes.OK:
            waiting = answer.headers.get("Retry-After", "")
            retry_after = int(waiting) if waiting.isdecimal() else None
            raise ErpAway(f"Tryton answers with HTTP {status}", retry_after)


def _refusal(error: Any) -> Exception:
    """The exception for what the API calls an error: [name, arguments]."""
    name, arguments = (error[0], error[1]) if len(error) > 1 else (error[0], "")
    if name == "ConcurrencyException":
        return ErpAway("Tryton was changing the same record; it may be asked again")
    if name == "LoginException":
        return ErpUnusable("Tryton asks for another login", "use a user without a second factor")
    if name in ("UserError", "UserWarning"):
        parts = [part for part in arguments[:2] if isinstance(part, str)]
        # A warning begins with its key, which says nothing to people.
        return TrytonRefusal(" ".join(parts[name == "UserWarning" :]).strip())
    return TrytonRefusal(str(name))


def _described(error: httpx.TransportError) -> str:
    """What kind of failure it was; messages of libraries may hold addresses and data."""
    return type(error).__name__
