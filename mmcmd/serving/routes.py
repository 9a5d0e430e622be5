"""The requests that the server answers."""

from pathlib import Path
from typing import Annotated

import numpy as np
from fastapi import FastAPI, File, Form, HTTPException, Query, Response, UploadFile

from mmcmd.inference.reading import FORMATS
from mmcmd.serving import schemas
from mmcmd.serving.catalogue import Catalogue
from mmcmd.serving.display import frames_to_draw
from mmcmd.serving.loading import Loader
from mmcmd.serving.motions import Motion
from mmcmd.skeletons import LAYOUTS

Stream = Annotated[str | None, Query(description='stream; default: all together', max_length=50)]
Frame = Annotated[int | None, Query(ge=0)]
Gesture = Annotated[
    str | None,
    Query(description='id of a motion to look for; default: all of the gallery', max_length=20),
]


def add_status(app: FastAPI, loader: Loader, upload_limit: int) -> None:
    """Add the request for the state of the server."""

    @app.get('/api/status')
    def get_status() -> schemas.Status:
        """Return whether the server is ready, and what it serves."""
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


def add_motions(app: FastAPI, loader: Loader) -> None:
    """Add lists, uploads and coordinates of motions."""

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
            str, Form(max_length=50, description='joint layout, if the file does not store it')
        ] = '',
    ) -> schemas.MotionList:
        """Read a file of motions. Their ids stay valid until newer uploads replace them.

        If the file holds more than 50 motions, only the first 50 are kept.
        """
        catalogue, reader = loader.catalogue, loader.reader
        told, total = reader.read(file.file.read(), file.filename or 'file', layout)
        added = [catalogue.add(x) for x in told]
        answers = [_describe(catalogue, x) for x in added]
        return schemas.MotionList(total=total, motions=answers)

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
        """Return coordinates for drawing: float32, little-endian, y up, NaN for missing joints.

        The header ``x-shape`` holds the numbers of persons, frames, joints and coordinates.
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


def add_answers(app: FastAPI, loader: Loader) -> None:
    """Add neighbours, classes, time lines and maps."""

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
    def get_timeline(
        motion_id: str, stream: Stream = None, gesture: Gesture = None
    ) -> schemas.TimelineAnswer:
        """Return the best match of each window of a long recording."""
        catalogue = loader.catalogue
        found = catalogue.answers.timeline(motion_id, catalogue.check_stream(stream), gesture)
        return schemas.TimelineAnswer.model_validate(found)

    @app.get('/api/map')
    def get_map(stream: Stream = None) -> schemas.MapAnswer:
        """Return the map of the gallery. Ask again until it is final."""
        return schemas.MapAnswer.model_validate(
            loader.catalogue.map_points(loader.catalogue.check_stream(stream))
        )
