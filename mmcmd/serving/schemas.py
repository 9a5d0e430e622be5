"""The forms of the server's answers, which are also in its OpenAPI description."""

from typing import Literal

from pydantic import BaseModel, Field

from mmcmd.retrieval import Neighbour
from mmcmd.serving.motions import FPS
from mmcmd.skeletons import Layout


class LayoutAnswer(BaseModel):
    """Joints of a skeleton."""

    name: str
    joints: list[str]
    parents: list[int] = Field(description='parent of each joint; the root is its own parent')

    @classmethod
    def of(cls, layout: Layout) -> 'LayoutAnswer':
        """Return a layout."""
        return cls(name=layout.name, joints=layout.joints, parents=layout.parents)


class Status(BaseModel):
    """State of the server, and what it serves."""

    state: Literal['loading', 'ready', 'failed']
    message: str = Field(description='what is being loaded, or why loading failed')
    checkpoint: str
    gallery: str
    upload_limit: int = Field(description='largest size of a file in bytes')
    formats: list[str] = Field(description='endings of files that can be read')
    layouts: list[str] = Field(description='joint layouts that a file may have')
    count: int = Field(0, description='number of motions in the gallery')
    class_count: int = 0
    streams: list[str] = []
    classifier: bool = Field(False, description='whether a classifier gives the probabilities')
    synthetic: bool = Field(False, description='whether the gallery is simulated')
    layout: LayoutAnswer | None = None


class MotionAnswer(BaseModel):
    """One motion."""

    id: str = Field(description='gN: row N of the gallery; uN: an upload')
    name: str
    label: int = Field(description='class number; -1: no class is known')
    class_name: str
    frames: int
    fps: float = FPS
    long: bool = Field(False, description='whether it has a time line')
    wrong: bool = Field(False, description='its nearest neighbour has another class')


class MotionList(BaseModel):
    """A part of a list of motions."""

    total: int = Field(description='number of motions in the whole list, or in the uploaded file')
    motions: list[MotionAnswer]


class NeighbourAnswer(BaseModel):
    """A motion of the gallery that is near to the query."""

    id: str
    name: str
    label: int
    class_name: str
    distance: float = Field(description='cosine distance: 0 (same direction) to 2')

    @classmethod
    def of(cls, found: Neighbour) -> 'NeighbourAnswer':
        """Return a neighbour of a search."""
        return cls(
            id=f'g{found.row}',
            name=found.name,
            label=found.label,
            class_name=found.class_name,
            distance=found.distance,
        )


class ClassAnswer(BaseModel):
    """A class with its probability."""

    label: int
    class_name: str
    probability: float


class Answer(BaseModel):
    """Neighbours and classes of the frames from start to stop (exclusive) of a motion."""

    query: MotionAnswer
    layout: LayoutAnswer = Field(description='joints of the query')
    start: int
    stop: int
    stream: str
    neighbours: list[NeighbourAnswer]
    classes: list[ClassAnswer] = Field(description='the most probable ones')
    source: Literal['classifier', 'votes'] = Field(description='origin of the probabilities')
    predicted: int | None = Field(description='the most probable class')


class Window(BaseModel):
    """Some frames of a recording and their best match."""

    start: int
    stop: int
    label: int
    class_name: str
    similarity: float
    id: str = Field(description='id of the best match')
    rank: int | None = Field(None, description='1: most similar place of the gesture, and so on')


class TimelineAnswer(BaseModel):
    """The windows of a recording."""

    frames: int
    fps: float
    windows: list[Window]


class Point(BaseModel):
    """A motion on the map."""

    id: str
    name: str
    label: int
    class_name: str
    x: float
    y: float
    wrong: bool


class MapAnswer(BaseModel):
    """The map of the gallery, or a preliminary map."""

    method: str
    final: bool = Field(description='false while the map is being computed')
    points: list[Point]


class Failure(BaseModel):
    """Why a request was refused, in one sentence."""

    detail: str
