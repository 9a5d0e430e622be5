"""Save and load encoders as folders for ``huggingface_hub``, on this machine or on the hub.

A folder has three files: the weights (``model.safetensors``), the description of the encoders
(``config.json``), and a model card (``README.md``). None of them can run code.
"""

import json
import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save

from mmcmd.errors import InputError
from mmcmd.io.files import replace_file
from mmcmd.version import __version__

WEIGHTS, CONFIG, CARD = FILES = 'model.safetensors', 'config.json', 'README.md'
LIBRARY = 'mmcmd'
_HEADER = 'library_name', 'mmcmd_version'
_MOST_BYTES = 10_000_000  # size of config.json; for a CMD encoder it is 10 kB
_SCHEME = 'hf://'
_HUB_ID = re.compile(r'[A-Za-z0-9][\w.-]*/[\w.-]+(@[\w./-]+)?', re.ASCII)
_FILE_ENDINGS = {'.pth', '.pt', '.tar', '.ckpt', '.bin', '.safetensors', '.py', '.pkl', '.json'}


def save_folder(checkpoint: Mapping[str, Any], folder: Path, card: str) -> None:
    """Write the folder of a published encoder.

    Args:
        checkpoint (Mapping): ``meta`` and ``state_dict``, see :func:`mmcmd.io.publish.published`.
        folder (Path): Folder to write. Files of an earlier call are replaced.
        card (str): The model card.

    Raises:
        InputError: If the path is a file, or a folder with other files.
    """
    if folder.exists() and not folder.is_dir():
        raise InputError(f'{folder} is a file, expected a folder or a name that ends in .pth')
    there = sorted(x.name for x in folder.iterdir()) if folder.is_dir() else []
    others = [x for x in there if x not in FILES and not x.startswith('.')]
    if others or (there and CARD in there and CONFIG not in there):
        raise InputError(
            f'{folder} holds {(others or [CARD])[0]}, which this tool did not write; give a new '
            'folder'
        )
    config = {'library_name': LIBRARY, 'mmcmd_version': __version__, **checkpoint['meta']}
    contents = {
        WEIGHTS: save(dict(checkpoint['state_dict']), metadata={'format': 'pt'}),
        CONFIG: (json.dumps(config, indent=2) + '\n').encode(),
        CARD: card.encode(),
    }
    for name, content in contents.items():
        with replace_file(folder / name) as file:
            file.write(content)


def load_folder(folder: Path, map_location: Any = None) -> dict[str, Any]:
    """Read a folder as a checkpoint.

    Args:
        folder (Path): Folder with ``model.safetensors`` and ``config.json``.
        map_location (Any): A device. All other values mean the CPU.

    Returns:
        dict: ``meta`` and ``state_dict``, as in a published ``.pth`` file.

    Raises:
        InputError: If a file is missing or damaged, or another program wrote the folder.
    """
    if missing := [name for name in (CONFIG, WEIGHTS) if not (folder / name).is_file()]:
        raise InputError(
            f'{folder} is a folder without {missing[0]}, so it is not a published encoder; give a '
            'folder that `mmcmd publish` has written, or a checkpoint file (.pth)'
        )
    meta = _read_config(folder / CONFIG)
    device = map_location if isinstance(map_location, (str, torch.device)) else 'cpu'
    return {'meta': meta, 'state_dict': load_tensors(folder / WEIGHTS, str(device))}


def load_tensors(path: Path, device: str = 'cpu') -> dict[str, torch.Tensor]:
    """Load the tensors of a ``.safetensors`` file.

    Raises:
        InputError: If the file is missing or damaged, or of another kind.
    """
    try:
        return load_file(path, device=device)
    except (OSError, SafetensorError, ValueError) as error:
        raise InputError(f'{path} is damaged, or in another format: {error}') from None


def _read_config(path: Path) -> dict[str, Any]:
    """Read ``config.json`` of a folder.

    Raises:
        InputError: If it is too large, or was not written by mmcmd.
    """
    if path.stat().st_size > _MOST_BYTES:
        raise InputError(
            f'{path} is larger than {_MOST_BYTES:,} bytes, so it does not describe encoders'
        )
    try:
        config = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise InputError(f'{path} is not JSON: {error}') from None
    if not isinstance(config, dict) or config.get('library_name') != LIBRARY:
        raise InputError(
            f'{path} does not say "library_name": "{LIBRARY}", so another program wrote it; give '
            'a folder that `mmcmd publish` has written'
        )
    if not isinstance(config.get('encoder'), dict):
        raise InputError(f'{path} lacks the object `encoder`; publish the checkpoint again')
    return {key: value for key, value in config.items() if key not in _HEADER}


def is_hub_id(name: str) -> bool:
    """Return whether a text names a model on the hub, such as ``user/name`` or ``user/name@v1``.

    A text is a path of this machine, and not such a name, if it exists, if its parent folder exists
    or if it ends like a file. A text that begins with ``hf://`` is always a name on the hub.

    Args:
        name (str): The text that the user wrote.
    """
    if name.startswith(_SCHEME):
        return True
    path = Path(name)
    is_local = path.exists() or path.parent.is_dir() or path.suffix in _FILE_ENDINGS
    return not is_local and _HUB_ID.fullmatch(name) is not None


@lru_cache(maxsize=32)  # a tool reads a checkpoint several times
def download(name: str) -> Path:
    """Download the files of a model on the hub, or find them in the library's cache.

    Args:
        name (str): ``user/name``. ``hf://`` may stand before it, and ``@REVISION`` after it.

    Returns:
        Path: The folder, for :func:`load_folder`.

    Raises:
        InputError: If ``huggingface_hub`` is not installed, or the model cannot be downloaded.
    """
    hub = _import_hub(f'{name} is not a file or folder here; if it is a model on the hub')
    repo, _, revision = name.removeprefix(_SCHEME).partition('@')
    try:
        folder = hub.snapshot_download(repo, revision=revision or None, allow_patterns=list(FILES))
    except (OSError, ValueError, hub.errors.HTTPError) as error:
        raise InputError(
            f'{name} is not a file or folder here, and it cannot be downloaded from the hub: '
            f'{_in_one_line(error)}'
        ) from None
    return Path(folder)


def upload(folder: Path, repo: str, private: bool = False) -> str:
    """Upload a folder to the hub, with the token of ``hf auth login`` or ``HF_TOKEN``.

    Args:
        folder (Path): Written by :func:`save_folder`.
        repo (str): ``user/name``. It is made if it does not exist.
        private (bool): Whether a new repository is private. Defaults to False.

    Returns:
        str: Address of the model.

    Raises:
        InputError: If ``huggingface_hub`` is not installed, or the hub refuses.
    """
    hub = _import_hub(f'{folder} is written; to upload it to {repo}')
    api = hub.HfApi(library_name=LIBRARY, library_version=__version__)
    try:
        address = api.create_repo(repo, private=private, exist_ok=True)
        api.upload_folder(
            repo_id=repo,
            folder_path=folder,
            allow_patterns=list(FILES),
            commit_message=f'Encoders of {LIBRARY} {__version__}',
        )
    except (OSError, ValueError, hub.errors.HTTPError) as error:
        raise InputError(
            f'{folder} is written, but cannot be uploaded to {repo}: {_in_one_line(error)}'
        ) from None
    return str(address)


def _import_hub(purpose: str) -> ModuleType:
    try:
        import huggingface_hub
        import huggingface_hub.errors
    except ImportError:
        raise InputError(f"{purpose}, install huggingface_hub: pip install -e '.[hub]'") from None
    return huggingface_hub


def _in_one_line(error: Exception) -> str:
    return ' '.join(str(error).split())[:300] or type(error).__name__
