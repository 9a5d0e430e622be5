"""The model card of a published encoder: what it is, how it was trained, what was measured."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import yaml

from mmcmd.io.evaluations import Results

NOT_RECORDED = 'not recorded; ask the publisher of the data'


def write_card(name: str, meta: Mapping[str, Any], repo: str | None = None) -> str:
    """Return the text of a card: YAML metadata for the hub, then Markdown.

    Args:
        name (str): Title.
        meta (Mapping): ``meta`` of :func:`mmcmd.io.publish.published`, and optionally ``results``
            and ``licence``.
        repo (str, optional): ``user/name`` on the hub, for the example in the card.
    """
    header = yaml.safe_dump(_metadata(name, meta), sort_keys=False, allow_unicode=True)
    return f'---\n{header}---\n\n' + '\n'.join(_body(name, meta, repo)) + '\n'


def _metadata(name: str, meta: Mapping[str, Any]) -> dict[str, Any]:
    """Return the entries that the hub reads."""
    encoder, licence = meta.get('encoder') or {}, meta.get('licence') or {}
    data = encoder.get('data') or {}
    header: dict[str, Any] = {'library_name': 'mmcmd'}
    if licence.get('weights'):
        header['license'] = licence['weights']
    else:
        header |= {'license': 'other', 'license_name': 'not-stated'}
    header['tags'] = ['skeleton', 'action-recognition', 'self-supervised-learning']
    dataset = {'name': data.get('name', 'unknown'), 'type': data.get('name', 'unknown')}
    results = [
        {
            'task': {'type': 'action-recognition', 'name': evaluation},
            'dataset': dataset,
            'metrics': [
                {'type': 'accuracy', 'name': f'{metric} (last)', 'value': _percent(entry['last'])}
                for metric, entry in metrics.items()
            ],
        }
        for evaluation, metrics in _shown(meta.get('results') or {}).items()
    ]
    if results:
        header['model-index'] = [{'name': name, 'results': results}]
    return header


def _shown(results: Results) -> Results:
    """Keep only the top-1 accuracies. ``config.json`` holds all metrics."""
    shown = {
        evaluation: {name: entry for name, entry in metrics.items() if name.endswith('top1')}
        for evaluation, metrics in results.items()
    }
    return {evaluation: metrics for evaluation, metrics in shown.items() if metrics}


def _percent(value: float) -> float:
    return round(100 * value, 2)


def _body(name: str, meta: Mapping[str, Any], repo: str | None) -> Iterator[str]:
    """Return the lines of the text."""
    encoder = meta.get('encoder') or {}
    data, streams = encoder.get('data') or {}, encoder.get('streams') or {}
    is_classifier = encoder.get('method') == 'SkeletonClassifier'
    what = 'Classifier' if is_classifier else 'Encoder'
    yield from (f'# {name}', '')
    yield f'{what} of 3D skeleton sequences, made with mmcmd.'
    if meta.get('synthetic'):
        yield from ('', '**Trained on SYNTHETIC stand-in data: it is not useful on real data.**')
    yield from ('', '## Use', '', '```python', 'from mmcmd.apis import init_model', '')
    yield f'model = init_model({repo or name!r})'
    yield from ('```', '')
    yield 'The options `--pretrained` of `mmcmd train` and `CHECKPOINT` of `mmcmd test` take'
    yield from ('the same name. `config.json` describes joints, clips and training.', '')
    yield from ('## Encoder', '', *_table(_facts(encoder, streams)), '')
    if classes := encoder.get('classes'):
        yield from ('Classes: ' + ', '.join(f'{i} {_text(x)}' for i, x in enumerate(classes)), '')
    yield from ('## Training', '', *_table(_training(meta, encoder, data)), '')
    yield from ('## Measured', '', *_measured(_shown(meta.get('results') or {})), '')
    yield from ('## Licence', '', *_licence(meta.get('licence') or {}, data))


def _facts(encoder: Mapping[str, Any], streams: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    layout = encoder.get('layout')
    if isinstance(layout, Mapping):
        yield 'joints', f'{layout.get("name")}, {len(layout.get("joints", ()))} joints'
    yield 'frames of a clip', encoder.get('clip_len')
    for name, stream in streams.items():
        backbone = dict(stream.get('backbone') or {})
        kind = backbone.pop('type', '?')
        sizes = ', '.join(f'{k}={v}' for k, v in backbone.items() if isinstance(v, (int, str)))
        yield f'stream `{name}`', f'{stream.get("modality", name)}, {kind}({sizes})'


def _training(
    meta: Mapping[str, Any], encoder: Mapping[str, Any], data: Mapping[str, Any]
) -> Iterator[tuple[str, Any]]:
    config = encoder.get('config') or {}
    yield 'method', encoder.get('method')
    before = encoder.get('pretrained_by') or {}
    yield 'method of the pre-training', before.get('method')
    yield 'data of the pre-training', before.get('data')
    yield 'data', data.get('name')
    yield 'split', data.get('split')
    yield 'classes of the data', data.get('num_classes')
    yield 'epochs', meta.get('epoch')
    yield 'steps', meta.get('iter')
    yield 'batch size', config.get('batch_size')
    optimizer = dict((config.get('optim_wrapper') or {}).get('optimizer') or {})
    kind = optimizer.pop('type', None)
    yield 'optimiser', kind and f'{kind}({", ".join(f"{k}={v}" for k, v in optimizer.items())})'
    yield 'seed', meta.get('seed')


def _measured(results: Results) -> Iterator[str]:
    if not results:
        yield 'Nothing was measured, or there was no results file beside the checkpoint.'
        return
    yield '| evaluation | metric | last, % | best, % | epoch of the best |'
    yield '| --- | --- | ---: | ---: | ---: |'
    for evaluation, metrics in results.items():
        for metric, entry in metrics.items():
            last, best = (f'{_percent(entry[key]):.1f}' for key in ('last', 'best'))
            epoch = entry.get('best_epoch') or ''
            yield f'| {_text(evaluation)} | `{_text(metric)}` | {last} | {best} | {epoch} |'
    yield ''
    yield (
        'The best value is chosen on the split on which it is measured, so it is too optimistic: '
        'compare the last values. `knn` is the nearest neighbour by cosine similarity, `acc` is a '
        'classifier. `3s` combines three streams.'
    )


def _licence(licence: Mapping[str, Any], data: Mapping[str, Any]) -> Iterator[str]:
    of_data = licence.get('data') or NOT_RECORDED
    yield f'- data ({_text(data.get("name", "unknown"))}): {_text(of_data)}'
    yield f'- weights: {_text(licence.get("weights") or "not stated")}'
    yield ''
    yield 'Check yourself whether the licence of the data allows your use of the weights.'


def _table(rows: Iterator[tuple[str, Any]]) -> Sequence[str]:
    """Format the rows that have a value."""
    shown = [f'| {name} | {_text(value)} |' for name, value in rows if value not in (None, '')]
    return ['| | |', '| --- | --- |', *shown]


def _text(value: Any) -> str:
    """Return a value as text for one cell of a table, without line breaks, bars and HTML tags."""
    text = ' '.join(str(value).split())
    return text.replace('|', '/').replace('<', '&lt;').replace('`', "'")
