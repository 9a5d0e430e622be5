"""The page and its REST interface, which ``/openapi.json`` describes."""

import multiprocessing
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from fastapi.staticfiles import StaticFiles
from starlette.middleware.gzip import GZipMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware

from mmcmd.errors import InputError
from mmcmd.serving import schemas
from mmcmd.serving.gallery_map import MAP_MAKER
from mmcmd.serving.limits import UPLOAD_LIMIT, Guard, allowed_hosts
from mmcmd.serving.loading import Loader, NotReady
from mmcmd.serving.motions import UnknownMotion
from mmcmd.serving.routes import add_answers, add_motions, add_status
from mmcmd.version import __version__

STATIC = Path(__file__).parent / 'static'

_FAILURES = {
    status: {'model': schemas.Failure, 'description': text}
    for status, text in {
        404: 'there is no such motion',
        422: 'a parameter or file is wrong',
        429: 'too many requests',
        503: 'the model is still being loaded',
    }.items()
}


@asynccontextmanager
async def _end_children(app: FastAPI) -> AsyncIterator[None]:
    """End the processes that make maps when the server ends."""
    yield
    for process in multiprocessing.active_children():
        if process.name == MAP_MAKER:
            process.kill()


def create_app(
    loader: Loader,
    upload_limit: int = UPLOAD_LIMIT,
    host: str = '127.0.0.1',
    hosts: Sequence[str] = (),
    uploads_per_minute: float = 60,
) -> FastAPI:
    """Make the application.

    Args:
        loader (Loader): It loads the model and the gallery, now or later.
        upload_limit (int): Largest size of a file in bytes. Defaults to 20 MB.
        host (str): Address that the server is bound to.
        hosts (Sequence[str]): Further host names that a request may use for this server.
        uploads_per_minute (float): Number of files that one client may send in a minute.
    """
    # The pages /docs and /redoc of FastAPI load scripts from another host.
    app = FastAPI(
        title='mmcmd: motions and their neighbours',
        version=__version__,
        docs_url=None,
        redoc_url=None,
        responses=_FAILURES,
        lifespan=_end_children,
    )
    # A request passes these in the reverse order: first the Guard.
    app.add_middleware(GZipMiddleware, minimum_size=2000, compresslevel=1)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=allowed_hosts(host, hosts))
    app.add_middleware(Guard, upload_limit=upload_limit, uploads_per_minute=uploads_per_minute)
    _add_errors(app)
    add_status(app, loader, upload_limit)
    add_motions(app, loader)
    add_answers(app, loader)
    app.mount('/', StaticFiles(directory=STATIC, html=True))
    return app


def _add_errors(app: FastAPI) -> None:
    """Add the answers to errors. Each is one sentence."""

    @app.exception_handler(InputError)
    def wrong_input(request: Request, error: InputError) -> JSONResponse:
        return JSONResponse({'detail': str(error)}, 422)

    @app.exception_handler(UnknownMotion)
    def unknown(request: Request, error: UnknownMotion) -> JSONResponse:
        detail = 'there is no such motion; only the latest uploads are kept'
        return JSONResponse({'detail': detail}, 404)

    @app.exception_handler(NotReady)
    def not_ready(request: Request, error: NotReady) -> JSONResponse:
        return JSONResponse({'detail': str(error)}, 503, {'retry-after': '1'})

    @app.exception_handler(Exception)
    def failed(request: Request, error: Exception) -> JSONResponse:
        return JSONResponse({'detail': 'the server failed; its log says why'}, 500)
