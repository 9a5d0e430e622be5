"""Import the modules that a user has written and that a config needs."""

import sys
import warnings
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from mmcmd.errors import InputError


def import_custom_code(cfg: Mapping[str, Any], config: str | Path) -> list[str]:
    """Import the modules in ``custom_imports`` of a config.

    A module may be in the folder of the config file, in the folders in ``code_folder`` of the
    config, or anywhere on ``PYTHONPATH``. The folders are appended to ``sys.path`` and stay there.
    Therefore worker processes also find the modules, even if they are spawned.

    Args:
        cfg (Mapping): The config. ``code_folder`` (str or list of str) is optional.
        config (str | Path): The config file.

    Returns:
        list[str]: The folders that hold one of the modules.

    Raises:
        InputError: If a folder or a module does not exist, Python finds a module of the same name
            in another folder first, or a module registers a name that is already in use.
    """
    wanted = cfg.get('custom_imports') or {}
    given = cfg.get('code_folder') or []
    folders = [Path(config).parent, *map(Path, [given] if isinstance(given, str) else given)]
    folders = list(dict.fromkeys(folder.resolve() for folder in folders))
    for folder in folders:
        if not folder.is_dir():
            raise InputError(f'config {config}: code_folder {folder} does not exist')
        # Append them, because a folder of configs may hold files such as cmd.py, and Python has
        # modules of such names.
        if str(folder) not in sys.path:
            sys.path.append(str(folder))
    used, names = [], wanted.get('imports') or []
    for name in [names] if isinstance(names, str) else names:
        path = name.replace('.', '/')
        beside = [x for x in folders if (x / f'{path}.py').is_file() or (x / path).is_dir()]
        module = _import(name, folders, config, wanted.get('allow_failed_imports', False))
        if beside and module and not _lies_in(module, beside):
            raise InputError(
                f'config {config}: custom_imports names {name!r}, but Python has another module of '
                f'this name ({getattr(module, "__file__", "built in")}); rename yours in '
                f'{beside[0]}'
            )
        used += beside
    return [str(folder) for folder in dict.fromkeys(used)]


def _import(
    name: str, folders: Sequence[Path], config: str | Path, allow_failure: bool
) -> ModuleType | None:
    try:
        return import_module(name)
    except KeyError as error:  # a registry raises it
        if 'already registered' not in str(error):
            raise
        raise InputError(
            f'config {config}: {name}: {error.args[0]}; choose another name for the class, or '
            'register it with force=True to replace the other'
        ) from None
    except ModuleNotFoundError as error:
        if not f'{name}.'.startswith(f'{error.name}.'):
            raise  # the user's module exists, but imports a missing one
        message = (
            f'config {config}: custom_imports names {name!r}, which is not installed and not in '
            f'{" or ".join(map(str, folders))}; put the file there, or set code_folder'
        )
        if not allow_failure:
            raise InputError(message) from None
        warnings.warn(message, stacklevel=2)
        return None


def _lies_in(module: ModuleType, folders: Sequence[Path]) -> bool:
    file = getattr(module, '__file__', None)
    files = [file] if file else getattr(module, '__path__', ())
    return any(Path(x).resolve().is_relative_to(y) for x in files for y in folders)
