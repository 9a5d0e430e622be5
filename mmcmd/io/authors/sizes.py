"""Read the sizes of a model from the shapes of its tensors."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from mmcmd.errors import InputError
from mmcmd.io.authors import isc, mamp, slim, usdrl
from mmcmd.io.checkpoint import ENCODERS, encoder_names
from mmcmd.models.pretrainers.isc import PARTNER


def model_sizes(state: Mapping[str, Tensor]) -> dict[str, Any]:
    """Return the options of a model that fit the tensors of a state.

    Args:
        state (Mapping[str, Tensor]): State with our names, from :func:`rename_authors_state`.

    Returns:
        dict: ``modalities``, and the sizes of each part that the model has: ``backbone``, ``neck``,
        ``queue``, ``partner`` (ISC), ``decoder`` (PCM3, MAMP and MS2L), ``prompt_size`` (PCM3),
        ``jigsaw_head`` and ``contrast_head`` (MS2L). An encoder of ISC also has its type.

    Raises:
        InputError: If a tensor that is needed to find a size is missing.
    """
    streams = encoder_names(state)
    try:
        sizes = {
            'modalities': [name for name in streams if not name.endswith(PARTNER)],
            'backbone': _encoder(state, streams[0]),
        } | _contrast(state, streams[0])
    except (LookupError, ValueError) as error:
        raise InputError(
            f'the checkpoint lacks a tensor that shows a size of the model ({error}); give the '
            'whole checkpoint that a pre-training wrote'
        ) from None
    if (partner := streams[0] + PARTNER) in streams:
        sizes['partner'] = {'_delete_': True, **_encoder(state, partner)}
    decoder = state.get(f'decoders.{streams[0]}.rnn.weight_hh_l0')
    if decoder is not None:
        sizes['decoder'] = {'hidden_size': decoder.shape[1]}
    if masked := mamp.decoder_sizes(state, streams[0]):
        sizes['decoder'] = masked
    for head in ('jigsaw_head', 'contrast_head'):
        start = f'{head}s.{streams[0]}.'
        if f'{start}out.weight' in state:
            out, hidden = state[f'{start}out.weight'].shape
            sizes[head] = {'out_channels': out, 'hidden_channels': hidden}
    prompt = state.get(f'prompts.{streams[0]}.contrast')
    return sizes if prompt is None else sizes | {'prompt_size': prompt.shape[1] // 2}


def _encoder(state: Mapping[str, Tensor], stream: str) -> dict[str, Any]:
    """Return the sizes of a stream's encoder."""
    start = f'{ENCODERS}{stream}.backbone.'
    encoder = {x.removeprefix(start): y for x, y in state.items() if x.startswith(start)}
    if 'rnn.weight_hh_l0' in encoder:
        return _recurrent(encoder)
    readers = isc.kind, slim.sizes, mamp.sizes, usdrl.sizes
    return next(filter(None, (read(encoder) for read in readers)), None) or _graph(encoder)


def _contrast(state: Mapping[str, Tensor], stream: str) -> dict[str, dict[str, int]]:
    """Return the sizes of neck and queue, as far as the model has them."""
    if head := slim.neck_sizes(state, stream):
        return {'neck': head}
    projects = any(name.startswith('necks.') for name in state)
    queue = f'queues.{stream}.queue'
    if queue not in state and (not projects or f'necks.{stream}.instance.layers.0.weight' in state):
        return {}
    feat_dim, size = state[queue].shape
    neck = state.get(f'necks.{stream}.predictor.0.weight')
    if neck is not None:  # only STARS has a predictor
        return {'queue': {'size': size}, 'neck': {'hidden_channels': neck.shape[0]}}
    return {'queue': {'size': size}} | ({'neck': {'out_channels': feat_dim}} if projects else {})


def _recurrent(encoder: Mapping[str, Tensor]) -> dict[str, int]:
    """Return the sizes of a recurrent encoder."""
    layers = [name for name in encoder if name.startswith('rnn.weight_hh_l')]
    return {
        'hidden_size': encoder['rnn.weight_hh_l0'].shape[1],
        'num_layers': sum(not name.endswith('_reverse') for name in layers),
    }


def _graph(encoder: Mapping[str, Tensor]) -> dict[str, int]:
    """Return the sizes of the ST-GCN of SkeletonCLR."""
    blocks = [int(name.split('.')[1]) for name in encoder if name.endswith('.gcn.PA')]
    return {
        'hidden_channels': encoder['gcn.0.tcn.conv.weight'].shape[0],
        'hidden_dim': encoder[f'gcn.{max(blocks)}.tcn.conv.weight'].shape[0],
    }
