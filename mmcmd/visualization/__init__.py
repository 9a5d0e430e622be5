from .figures import draw_confusion, draw_curves, draw_tsne, read_scalars

__all__ = ['draw_confusion', 'draw_curves', 'draw_tsne', 'read_scalars']
