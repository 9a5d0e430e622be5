from collections.abc import Mapping, Sequence

from rich.table import Table

PERCENT = ('top', 'mean')
"""First parts of the names of metrics in [0, 1], which are shown in percent."""


def accuracy_table(
    metrics: Mapping[str, float],
    streams: Sequence[str] = (),
    best: Mapping[str, tuple[float, int | None]] | None = None,
) -> Table:
    """Return a table of an evaluation: a row for each stream, a column for each metric.

    Args:
        metrics (Mapping[str, float]): Names as in ``results.json``, for example ``'knn/top1'`` or
            ``'acc/motion_top1'``, and values.
        streams (Sequence[str]): Streams of the model. A name without a stream belongs to the first.
        best (Mapping, optional): Maps a name to its best value and the epoch of this value. The
            table then has the best value of the first metric.
    """
    rows = _rows(metrics, list(streams))
    kinds = list(dict.fromkeys(kind for row in rows.values() for kind in row))
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style='bold')
    is_percent = any(kind.startswith(PERCENT) for kind in kinds)
    table.add_column('  accuracy, %' if is_percent else '', overflow='fold')
    for kind in (*kinds, *(('best', 'epoch') if best else ())):
        table.add_column(kind, justify='right', no_wrap=True)
    for name, row in rows.items():
        cells = [_number(kind, metrics[row[kind]]) if kind in row else '' for kind in kinds]
        if best:
            value, epoch = best.get(row.get(kinds[0], ''), (None, None))
            cells += ['', ''] if value is None else [_number(kinds[0], value), str(epoch)]
        table.add_row(f'  {name}', *cells)
    return table


def _rows(metrics: Mapping[str, float], streams: list[str]) -> dict[str, dict[str, str]]:
    """Map evaluation and stream to the metrics, and each of these to its whole name."""
    rows: dict[str, dict[str, str]] = {}
    for name in metrics:
        prefix, _, rest = name.rpartition('/')
        stream, _, kind = rest.rpartition('_')
        if not stream and streams:
            if f'{prefix}/{streams[0]}_{kind}' in metrics:
                continue  # the same number has another name
            stream = streams[0]
        rows.setdefault(' '.join(filter(None, (prefix, stream))), {})[kind] = name
    return rows


def _number(kind: str, value: float) -> str:
    return f'{100 * value:.1f}' if kind.startswith(PERCENT) else f'{value:.4g}'
