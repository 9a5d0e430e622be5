"""Refuse requests that are too large, too many, or from other web sites."""

import re
import time
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from fastapi.responses import JSONResponse
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mmcmd.errors import InputError

UPLOAD_LIMIT = 20_000_000
"""Largest size of an upload in bytes."""
_OVERHEAD = 10_000  # bytes of a form without its file
_MOST_CLIENTS = 1000

_HEADERS = {
    'content-security-policy': "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self'; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; "
    "form-action 'none'",
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'cross-origin-resource-policy': 'same-origin',
}


class Guard:
    """Refuses bodies that are too large, too many requests, and requests of other web sites.

    A page of another site that is open in the same browser can send requests to 127.0.0.1. The
    browser names that site as the origin. So a request whose origin is another host is refused.

    Args:
        app (ASGIApp): It answers the other requests.
        upload_limit (int): Largest size of a file in bytes. Defaults to :data:`UPLOAD_LIMIT`.
        uploads_per_minute (float): Uploads that one client may send in a minute. Defaults to 60.
        requests_per_minute (float): Requests of all kinds that one client may send in a minute.
            Defaults to 3,000.
    """

    def __init__(
        self,
        app: ASGIApp,
        upload_limit: int = UPLOAD_LIMIT,
        uploads_per_minute: float = 60,
        requests_per_minute: float = 3000,
    ) -> None:
        self.app, self.upload_limit = app, upload_limit
        self.uploads = Buckets(uploads_per_minute)
        self.requests = Buckets(requests_per_minute)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or pass it on."""
        if scope['type'] != 'http':
            await self.app(scope, receive, send)
            return

        is_too_large = has_begun = False

        async def send_with_headers(message: Message) -> None:
            nonlocal has_begun
            if is_too_large and not has_begun:
                return  # drop the application's own answer to the body that was cut off
            if message['type'] == 'http.response.start':
                has_begun = True
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers[name] = value
            await send(message)

        headers, is_upload = Headers(scope=scope), scope['method'] == 'POST'
        refusal = self._refusal(headers, is_upload, (scope.get('client') or ('',))[0])
        if refusal is not None:
            await refusal(scope, receive, send_with_headers)
            return
        left = self.upload_limit + _OVERHEAD

        async def receive_some() -> Message:
            nonlocal left, is_too_large
            message = await receive()
            left -= len(message.get('body', b''))
            if left < 0:  # a body that is sent in chunks does not state its length
                is_too_large = True
                return {'type': 'http.disconnect'}
            return message

        try:
            await self.app(scope, receive_some, send_with_headers)
        except ClientDisconnect:
            if not is_too_large:
                raise
        if is_too_large and not has_begun:
            is_too_large = False
            await self._too_large()(scope, receive, send_with_headers)

    def _refusal(self, headers: Headers, is_upload: bool, client: str) -> JSONResponse | None:
        origin = headers.get('origin')
        if origin is not None and urlsplit(origin).netloc != headers.get('host'):
            return _answer(403, 'a page of another site may not use this server')
        wait = self.requests.take(client) or (self.uploads.take(client) if is_upload else 0)
        if wait:
            what = 'files' if is_upload else 'requests'
            return _answer(429, f'too many {what} at once; wait {wait:.0f} s', wait)
        length = headers.get('content-length', '0')
        if not length.isdecimal() or int(length) > self.upload_limit + _OVERHEAD:
            return self._too_large()
        return None

    def _too_large(self) -> JSONResponse:
        return _answer(413, f'the file is larger than {self.upload_limit / 1e6:g} MB')


def _answer(status: int, detail: str, wait: float = 0) -> JSONResponse:
    headers = {'retry-after': f'{wait:.0f}'} if wait else None
    return JSONResponse({'detail': detail}, status, headers)


class Buckets:
    """A token bucket for each client. It holds the tokens of one minute, and fills up over time.

    Args:
        per_minute (float): Number of tokens of a full bucket, and of those that are added in a
            minute.
    """

    def __init__(self, per_minute: float) -> None:
        self.per_minute = per_minute
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, client: str, now: float | None = None) -> float:
        """Take a token. Return 0, or the seconds until there is a token (at least 1).

        Args:
            client (str): Address of the client.
            now (float, optional): Time in seconds. Defaults to the clock of the machine.
        """
        now = time.monotonic() if now is None else now
        left, before = self._left.pop(client, (self.per_minute, now))
        left = min(self.per_minute, left + (now - before) * self.per_minute / 60)
        wait = 0.0 if left >= 1 else max(1.0, (1 - left) * 60 / self.per_minute)
        self._left[client] = left if wait else left - 1, now
        while len(self._left) > _MOST_CLIENTS:
            self._left.popitem(last=False)
        return wait


def allowed_hosts(host: str, others: Sequence[str] = ()) -> list[Any]:
    """Return the host names that a request may use for the server; ``'*'`` means any name.

    Args:
        host (str): Address that the server is bound to.
        others (Sequence[str]): Further names.

    Raises:
        InputError: If a further name is an address with ``http://`` or a port.
    """
    for name in others:
        if not re.fullmatch(r'[A-Za-z0-9.-]+', name):
            raise InputError(
                f'--name {name!r} must be only a host name, such as motions.example.org, without '
                'http:// and without a port'
            )
    everywhere = host in ('0.0.0.0', '::')
    return ['*'] if everywhere else [host, '127.0.0.1', 'localhost', '[::1]', *others]
