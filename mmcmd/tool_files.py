"""Find the scripts in ``tools``, in the source tree or in an installed package."""

from pathlib import Path

_PACKAGE = Path(__file__).parent


def find_tool(script: str) -> str:
    """Return the file of a tool.

    Args:
        script (str): Path from the root of the source tree, such as ``'tools/train.py'``. Another
            path is returned as it is.
    """
    # A wheel has a copy of the tools inside the package. In a source tree they lie beside it.
    files = (root / script for root in (_PACKAGE / '.mim', _PACKAGE.parent))
    return next((str(file) for file in files if file.is_file()), script)
