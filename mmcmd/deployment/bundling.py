"""Join functions of this package, and everything that they use, to the text of one file."""

import ast
import inspect
import textwrap
from collections.abc import Callable, Iterable
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from mmcmd.errors import InputError


class Bundle(NamedTuple):
    """The text of functions, and the imports that they need."""

    code: str
    imports: list[str]


def bundle(functions: Iterable[Callable]) -> Bundle:
    """Join the text of functions, and the text of all functions and constants that they use.

    Annotations are left out. Only the first line of each docstring is kept. :class:`InputError`
    becomes ``ValueError``.

    Args:
        functions (Iterable[Callable]): Functions at the top level of modules of this package.

    Raises:
        TypeError: If a function uses an object that can neither be copied nor imported.
    """
    imports = {'import numpy as np', 'from types import SimpleNamespace'}
    parts: dict[str, str] = {}

    def add(function: Callable) -> None:
        if function.__name__ in parts:
            return
        parts[function.__name__] = ''  # a function may call itself
        plain = inspect.unwrap(function)
        tree = ast.parse(textwrap.dedent(inspect.getsource(plain)))
        tree = _Plain().visit(tree)
        used = [x.id for x in ast.walk(tree) if isinstance(x, ast.Name)]
        for name in dict.fromkeys(used):
            if name in plain.__globals__:
                depend(name, plain.__globals__[name])
        parts[function.__name__] = ast.unparse(ast.fix_missing_locations(tree))

    def depend(name: str, value: Any) -> None:
        if value is InputError:
            parts[name] = 'InputError = ValueError'
        elif isinstance(value, ModuleType):
            alias = '' if value.__name__ == name else f' as {name}'
            imports.add(f'import {value.__name__}{alias}')
        elif callable(value) and value.__module__.startswith('mmcmd.'):
            add(value)
        elif callable(value):
            imports.add(f'from {value.__module__.removeprefix("_")} import {name}')
        elif isinstance(value, np.ndarray):
            parts[name] = f'{name} = np.array({value.tolist()})'
        elif isinstance(value, (int, float, str)):
            parts[name] = f'{name} = {value!r}'
        else:
            raise TypeError(f'{name}={value!r} cannot be part of an exported file')

    for function in functions:
        add(function)
    # Constants come first, because the default of an argument may be a constant.
    ordered = sorted(parts.values(), key=lambda x: x.startswith(('def ', '@')))
    return Bundle('\n\n\n'.join(ordered), sorted(imports))


class _Plain(ast.NodeTransformer):
    """Remove annotations, and all lines of a docstring except the first."""

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        text = ast.get_docstring(node)
        if text:
            node.body[0] = ast.Expr(ast.Constant(text.splitlines()[0]))
        node.returns = None
        for argument in ast.walk(node.args):
            if isinstance(argument, ast.arg):
                argument.annotation = None
        self.generic_visit(node)
        return node
