from .figures import draw_confusion, draw_curves, draw_tsne
from .lines import Line, draw_lines
from .logs import read_log, read_scalars, scalar_names, training_minutes, training_speed
from .skeletons import draw_frames, make_panels, write_animation

__all__ = [
    'Line',
    'draw_confusion',
    'draw_curves',
    'draw_frames',
    'draw_lines',
    'draw_tsne',
    'make_panels',
    'read_log',
    'read_scalars',
    'scalar_names',
    'training_minutes',
    'training_speed',
    'write_animation',
]
