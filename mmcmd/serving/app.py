"""The page and its REST interface. ``/openapi.json`` describes it for programs."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
from fastapi import FastAPI, File, Form, HTTPException, Query, Request, Response, UploadFile
from fastapi.responses import JSONResponse
from fastapi.staticfiles import StaticFiles
from starlette.middleware.gzip import GZipMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware

from mmcmd.errors import InputError
from mmcmd.inference.reading import FORMATS
from mmcmd.serving import schemas
from mmcmd.serving.catalogue import Catalogue
from mmcmd.serving.display import frames_to_draw
from mmcmd.serving.limits import UPLOAD_LIMIT, Guard, allowed_hosts
from mmcmd.serving.loading import Loader, NotReady
from mmcmd.serving.motions import Motion, UnknownMotion
from mmcmd.skeletons import LAYOUTS
from mmcmd.version import __version__

STATIC = Path(__file__).parent / 'static'

Stream = Annotated[str | None, Query(description='stream; default: all together', max_length=50)]
Frame = Annotated[int | None, Query(ge=0)]
_FAILURES = {
    status: {'model': schemas.Failure, 'description': text}
    for status, text in {
        404: 'there is no such motion',
        422: 'a parameter or file is wrong',
        429: 'too many requests',
        503: 'the model is still being loaded',
    }.items()
}


def create_app(
    loader: Loader,
    upload_limit: int = UPLOAD_LIMIT,
    host: str = '127.0.0.1',
    hosts: Sequence[str] = (),
    uploads_per_minute: float = 60,
) -> FastAPI:
    """Make the application.

    Args:
        loader (Loader): Loads the model and the gallery. It need not have begun.
        upload_limit (int): Bytes of a file. Defaults to 20 MB.
        host (str): Address that the server is bound to.
        hosts (Sequence[str]): Further names by which it may be called.
        uploads_per_minute (float): Files of one client.
    """
    # The pages /docs and /redoc of FastAPI load scripts from another host.
    app = FastAPI(
        title='mmcmd: motions and their neighbours',
        version=__version__,
        docs_url=None,
        redoc_url=None,
        responses=_FAILURES,
    )
    # The last one that is added is the first to see a request.
    app.add_middleware(GZipMiddleware, minimum_size=2000, compresslevel=1)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=allowed_hosts(host, hosts))
    app.add_middleware(Guard, upload_limit=upload_limit, uploads_per_minute=uploads_per_minute)
    _add_errors(app)
    _add_status(app, loader, upload_limit)
    _add_motions(app, loader)
    _add_answers(app, loader)
    app.mount('/', StaticFiles(directory=STATIC, html=True))
    return app


def _add_errors(app: FastAPI) -> None:
    """Answer a mistake in one sentence."""

    @app.exception_handler(InputError)
    def wrong_input(request: Request, error: InputError) -> JSONResponse:
        return JSONResponse({'detail': str(error)}, 422)

    @app.exception_handler(UnknownMotion)
    def unknown(request: Request, error: UnknownMotion) -> JSONResponse:
        detail = 'there is no such motion; of the uploads only the last ones are kept'
        return JSONResponse({'detail': detail}, 404)

    @app.exception_handler(NotReady)
    def not_ready(request: Request, error: NotReady) -> JSONResponse:
        return JSONResponse({'detail': str(error)}, 503, {'retry-after': '1'})

    @app.exception_handler(Exception)
    def failed(request: Request, error: Exception) -> JSONResponse:
        return JSONResponse({'detail': 'the server failed; its log says why'}, 500)


def _add_status(app: FastAPI, loader: Loader, upload_limit: int) -> None:
    @app.get('/api/status')
    def get_status() -> schemas.Status:
        """Say whether the server is ready, and what it serves."""
        status = schemas.Status(
            state=loader.state,
            message=loader.message,
            checkpoint=Path(loader.checkpoint).name,
            gallery=loader.gallery.name,
            upload_limit=upload_limit,
            formats=list(FORMATS),
            layouts=sorted(LAYOUTS),
        )
        if loader.state != 'ready':
            return status
        catalogue = loader.catalogue
        more = {
            'count': len(catalogue.index),
            'class_count': len(set(catalogue.index.labels.tolist()) - {-1}),
            'streams': list(catalogue.streams),
            'classifier': catalogue.answers.classifier is not None,
            'synthetic': bool(catalogue.motions.gallery.annotations.facts.get('synthetic')),
            'layout': schemas.LayoutAnswer.of(catalogue.motions.layout),
        }
        return status.model_copy(update=more)


def _add_motions(app: FastAPI, loader: Loader) -> None:
    @app.get('/api/motions')
    def list_motions(
        text: Annotated[str, Query(description='part of a name or class', max_length=100)] = '',
        wrong: Annotated[bool, Query(description='only wrong answers')] = False,
        stream: Stream = None,
        offset: Annotated[int, Query(ge=0)] = 0,
        limit: Annotated[int, Query(ge=1, le=1000)] = 200,
    ) -> schemas.MotionList:
        """List the motions of the gallery."""
        found = loader.catalogue.find(text, wrong, loader.catalogue.check_stream(stream))
        return schemas.MotionList(
            total=len(found),
            motions=[
                schemas.MotionAnswer(**loader.catalogue.summary(*x))
                for x in found[offset : offset + limit]
            ],
        )

    @app.post('/api/motions', status_code=201)
    def upload_file(
        file: Annotated[UploadFile, File()],
        layout: Annotated[
            str, Form(max_length=50, description='joint layout, if no file says it')
        ] = '',
    ) -> schemas.MotionList:
        """Read a file of motions. They can be asked for by their ids until others push them out."""
        catalogue, reader = loader.catalogue, loader.reader
        told = reader.read(file.file.read(), file.filename or 'file', layout)
        added = [catalogue.add(x) for x in told]
        answers = [_describe(catalogue, x) for x in added]
        return schemas.MotionList(total=len(answers), motions=answers)

    @app.get('/api/motions/{motion_id}')
    def get_motion(motion_id: str) -> schemas.MotionAnswer:
        """Describe a motion."""
        return _describe(loader.catalogue, loader.catalogue.motions.get(motion_id))

    @app.get(
        '/api/motions/{motion_id}/frames',
        response_class=Response,
        responses={200: {'content': {'application/octet-stream': {}}}},
    )
    def get_frames(motion_id: str, start: Frame = None, stop: Frame = None) -> Response:
        """Return coordinates for drawing: float32, little-endian, y up, NaN where joints miss.

        The header ``x-shape`` says the numbers of persons, frames, joints and coordinates.
        """
        motion = loader.catalogue.motions.get(motion_id)
        recording = motion.recording
        part = recording.keypoint[:, slice(start or 0, stop)]
        if not part.shape[1]:
            raise HTTPException(422, f'the motion has {recording.num_frames} frames')
        points = frames_to_draw(part, motion.layout, recording.normalized)
        return Response(
            np.ascontiguousarray(points, '<f4').tobytes(),
            media_type='application/octet-stream',
            headers={'x-shape': ','.join(map(str, points.shape)), 'cache-control': 'no-store'},
        )


def _describe(catalogue: Catalogue, motion: Motion) -> schemas.MotionAnswer:
    recording = motion.recording
    return schemas.MotionAnswer(
        id=motion.id,
        name=recording.name,
        label=recording.label,
        class_name=motion.class_name,
        frames=recording.num_frames,
        fps=motion.fps,
        long=catalogue.answers.is_long(recording),
    )


def _add_answers(app: FastAPI, loader: Loader) -> None:
    @app.get('/api/motions/{motion_id}/answer')
    def get_answer(
        motion_id: str,
        stream: Stream = None,
        k: Annotated[int, Query(ge=1, le=50)] = 8,
        start: Frame = None,
        stop: Frame = None,
    ) -> schemas.Answer:
        """Return the nearest neighbours of a motion, and its class probabilities."""
        catalogue = loader.catalogue
        stream = catalogue.check_stream(stream)
        found = catalogue.answers.answer(motion_id, stream, k, start, stop)
        neighbours = [schemas.NeighbourAnswer.of(x) for x in found.pop('neighbours')]
        motion = found.pop('query')
        query, layout = _describe(catalogue, motion), schemas.LayoutAnswer.of(motion.layout)
        return schemas.Answer(query=query, layout=layout, neighbours=neighbours, **found)

    @app.get('/api/motions/{motion_id}/timeline')
    def get_timeline(motion_id: str, stream: Stream = None) -> schemas.TimelineAnswer:
        """Return the best match of each window of a long recording."""
        catalogue = loader.catalogue
        found = catalogue.answers.timeline(motion_id, catalogue.check_stream(stream))
        return schemas.TimelineAnswer.model_validate(found)

    @app.get('/api/map')
    def get_map(stream: Stream = None) -> schemas.MapAnswer:
        """Return the map of the gallery. Ask again until it is final."""
        return schemas.MapAnswer.model_validate(
            loader.catalogue.map_points(loader.catalogue.check_stream(stream))
        )
