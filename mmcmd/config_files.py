"""Find config files: by path, or by name among the configs of the package."""

from pathlib import Path

import mmcmd
from mmcmd.errors import InputError, did_you_mean, not_a_file


def configs_root(config: str | Path | None = None) -> Path:
    """Return the folder of configs that a config file belongs to, or that of this package.

    Args:
        config (str | Path, optional): A config file. Defaults to none: the package's own folder.

    Raises:
        InputError: If neither place has configs.
    """
    package = Path(mmcmd.__file__).parent
    near = Path(config).resolve().parents if config is not None else ()
    # A wheel has a copy of the configs inside the package. In a source tree they lie beside it.
    for folder in (*near, package / '.mim' / 'configs', package.parent / 'configs'):
        if (folder / '_base_' / 'datasets').is_dir():
            return folder
    raise InputError(
        f'there is no folder configs/_base_/datasets near {config} or in the package; install '
        'mmcmd again'
    )


def choices(kind: str, config: str | Path | None = None) -> list[str]:
    """List the names of the known data sets or encoders.

    Args:
        kind (str): ``'datasets'`` or ``'encoders'``.
        config (str | Path, optional): The config file that the argument is for.
    """
    return sorted(path.stem for path in (configs_root(config) / '_base_' / kind).glob('*.py'))


def split_name(config: str | Path) -> tuple[str | None, str | None]:
    """Return the encoder and the data set in the name of a config file.

    ``cmd_bigru_ntu60_xsub.py`` is ``cmd.py`` with the encoder ``bigru`` and the data set
    ``ntu60_xsub``. Both are None for any other name.

    Args:
        config (str | Path): The file, which need not exist.
    """
    rest, found = Path(config).stem, []
    for kind in ('datasets', 'encoders'):
        fitting = [name for name in choices(kind, config) if rest.endswith(f'_{name}')]
        if not fitting:
            return None, None
        found.append(max(fitting, key=len))
        rest = rest.removesuffix(f'_{found[-1]}')
    return found[1], found[0]


def config_names() -> dict[str, Path]:
    """Return the configs of the package: names such as ``'cmd/cmd_bigru_ntu60_xsub'``, and files.

    The parts in ``_base_``, which are no whole configs, are left out.
    """
    root = configs_root()
    files = (path.relative_to(root) for path in sorted(root.rglob('*.py')))
    return {
        path.with_suffix('').as_posix(): root / path for path in files if path.parts[0] != '_base_'
    }


def find_config(config: str | Path) -> Path:
    """Return the file of a config.

    Args:
        config (str | Path): The path of a file. If there is no such file, a config of the package:
            its path in the source tree (``'configs/cmd/cmd.py'``), its name with the folder
            (``'cmd/cmd'``), or its name alone (``'cmd_bigru_ntu60_xsub'``).

    Raises:
        InputError: If there is no such config, or several have this name.
    """
    path = Path(config)
    if path.is_file():
        return path
    known = config_names()
    name = path.as_posix().removesuffix('.py').removeprefix('configs/')
    same = [full for full in known if name in (full, full.rpartition('/')[2])]
    # A name alone means the config, also where a folder of the user has this name.
    if path.is_dir() and (len(path.parts) > 1 or not same):
        raise InputError(not_a_file(config, 'config'))
    if len(same) > 1:
        raise InputError(f'several configs have the name {config}; give {" or ".join(same)}')
    if same:
        return known[same[0]]
    raise InputError(
        f'config {config} does not exist, and the package has none of this name'
        f'{_remedy(name, list(known))}; `mmcmd configs` lists those of the package'
    )


def _remedy(name: str, known: list[str]) -> str:
    """Say how to combine a method, an encoder and a data set, or name the closest config."""
    encoder, data = split_name(name)
    method = Path(name).stem.removesuffix(f'_{encoder}_{data}')
    fitting = [full for full in known if data and full.rpartition('/')[2] == method]
    if fitting:
        return f' (give {fitting[0]} --encoder {encoder} --data {data})'
    short = {full.rpartition('/')[2]: full for full in known}
    return did_you_mean(name, known if '/' in name else short)
