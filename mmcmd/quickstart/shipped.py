"""The small encoder that comes with the package."""

import shutil
from pathlib import Path

from mmcmd.errors import InputError
from mmcmd.io.hub import FILES

ENCODER = Path(__file__).parent / 'encoder'
"""Folder of the encoder. ``make quickstart-encoder`` trains it and writes the folder."""


def copy_encoder(folder: Path) -> None:
    """Copy the encoder, so that its path is short in the commands that come next.

    Args:
        folder (Path): It is made. The three files of an earlier copy are replaced.

    Raises:
        InputError: If the encoder does not lie in the package.
    """
    if not ENCODER.is_dir():
        raise InputError(
            f'{ENCODER} is missing, so this installation is not whole; install the package again'
        )
    folder.mkdir(parents=True, exist_ok=True)
    for name in FILES:
        shutil.copyfile(ENCODER / name, folder / name)
