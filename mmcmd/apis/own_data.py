"""A data set that is given as its annotation pickle, without a config file."""

from pathlib import Path
from typing import Any

from mmcmd.datasets.annotations.splitting import ALL, pairs_of
from mmcmd.datasets.annotations.store import open_annotations
from mmcmd.errors import InputError
from mmcmd.io.encoders import PERSONS

SMALL = 20_000
"""Below this number of training sequences a data set is small."""
_NONE = 'convert the data again with --split-by random, or --split-by subject --val-subjects ...'
_SEVERAL = (
    'write a data config that names the split (docs/bring_your_own_data.md), and give it as '
    '--data FILE.py'
)


def describe_pickle(path: str | Path) -> dict[str, Any]:
    """Return the entry ``data`` of a config for an annotation pickle.

    Args:
        path (str | Path): Pickle with two splits ``NAME_train`` and ``NAME_val``, as
            ``tools/data/convert.py`` writes it. If there are several such pairs, ``all_train`` and
            ``all_val`` are used (``convert.py merge`` makes them). Recordings without labels
            and splits have ``all_train`` alone. ``num_person`` is that of the largest sequence, but
            at most 2; a person that is all zero counts.

    Raises:
        InputError: If the pickle cannot be read, or does not have such a pair of splits.
    """
    annotations = open_annotations(path)
    pairs = pairs_of(annotations.splits)
    # If no sequence has a label, there is nothing to validate.
    unlabelled = f'{ALL}_train' in annotations.splits and (annotations.labels < 0).all()
    if ALL in pairs or (unlabelled and not pairs):
        pairs = [ALL]
    if len(pairs) != 1:
        found = ', '.join(sorted(annotations.splits)) or 'none'
        raise InputError(
            f'{path}: --data FILE.pkl needs one pair of splits NAME_train and NAME_val, but its '
            f'splits are {found}; {_SEVERAL if pairs else _NONE}'
        )
    train = annotations.select(f'{pairs[0]}_train')
    return dict(
        name=Path(path).stem,
        ann_file=str(path),
        split=pairs[0],
        layout=annotations.facts.get('layout') or 'ntu',
        num_classes=max(int(annotations.labels.max()), 0) + 1,
        num_person=min(int(annotations.num_persons.max()), PERSONS),
        small=len(train) < SMALL,
    )
