"""Persons of a clip: the pipelines and the encoders of a config must agree about their number."""

from typing import Any

from mmengine.config import Config

from mmcmd.errors import InputError
from mmcmd.io.encoders import AS_CLIP, PERSONS

_ENCODERS = 'backbone', 'partner'


def fit_persons(cfg: Config, number: int) -> None:
    """Give all clips and encoders of a config the number of persons of its data.

    A person that is absent from a clip is all zero, but a graph encoder or a transformer needs as
    long for it as for any other. Parts that are for one person alone, such as the views of SLiM and
    the encoder of P&C, stay as they are.

    Args:
        cfg (Config): It is changed in place.
        number (int): Persons of a clip, M.

    Raises:
        InputError: If the number is not an integer of at least 1.
    """
    if type(number) is not int or number < 1:
        raise InputError(f'num_person of the data set must be at least 1, but it is {number!r}')
    data = cfg.get('data')
    if data and data.get('num_person', PERSONS) != number:
        data.num_person = number
    if number != PERSONS:
        _fit(cfg._cfg_dict, number)


def _fit(node: Any, number: int, key: str = '') -> None:
    if isinstance(node, dict):
        counts = key in _ENCODERS or node.get('type') in (AS_CLIP, 'PersonPooling')
        if counts and 'type' in node and node.get('num_person', PERSONS) == PERSONS:
            node['num_person'] = number
        for name, value in node.items():
            _fit(value, number, name)
    elif isinstance(node, (list, tuple)):
        for value in node:
            _fit(value, number)
