"""The pages of the documentation, their code blocks, and the commands in these."""

import json
import re
import shlex
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    [
        *(ROOT / name for name in ('README.md', 'CHANGELOG.md')),
        *(x for x in (ROOT / 'docs').rglob('*.md') if '_build' not in x.parts),
        *(x for x in (ROOT / 'docs').rglob('*.ipynb') if '_build' not in x.parts),
    ]
)
SHELLS = ('bash', 'shell', 'sh', 'console')

_FENCE = re.compile(r'^```(\w+)[^\n]*\n(.*?)^```', re.MULTILINE | re.DOTALL)
_VARIABLE = re.compile(r'[A-Z][A-Z_]*=.*')


class Block(NamedTuple):
    """A code block: its page, its line, its language and its text."""

    page: str
    line: int
    language: str
    text: str

    def __str__(self):
        return f'{self.page}:{self.line}'


def read_page(path):
    """Return the Markdown of a page; of a notebook, its cells."""
    if path.suffix != '.ipynb':
        return path.read_text()
    cells = json.loads(path.read_text())['cells']
    texts = [(x['cell_type'], ''.join(x['source'])) for x in cells]
    return '\n\n'.join(
        text if kind == 'markdown' else f'```python\n{text}\n```' for kind, text in texts
    )


def blocks(*languages):
    """Return all blocks of these languages."""
    found = []
    for path in PAGES:
        text = read_page(path)
        for match in _FENCE.finditer(text):
            if match[1] in languages:
                line = text.count('\n', 0, match.start()) + 2
                found.append(Block(str(path.relative_to(ROOT)), line, match[1], match[2]))
    return found


def commands(text):
    """Return the commands of a shell block as lists of words, without variables before them."""
    lines = text.replace('\\\n', ' ').splitlines()
    found = []
    for line in lines:
        words = shlex.split(line, comments=True)
        while words and _VARIABLE.fullmatch(words[0]):
            words = words[1:]
        if words:
            found.append(words)
    return found
