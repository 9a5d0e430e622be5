"""The documentation site: Sphinx with MyST (Markdown), autodoc (docstrings) and Furo (theme)."""

import re
import sys
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

HERE = Path(__file__).parent
ROOT = HERE.parent
sys.path.insert(0, str(ROOT))

about = {}
exec((ROOT / 'mmcmd' / 'version.py').read_text(), about)

project = 'mmcmd'
author = 'the authors of mmcmd'
copyright = author
version = release = about['__version__']

extensions = [
    'myst_nb',
    'sphinx.ext.autodoc',
    'sphinx.ext.napoleon',
    'sphinx.ext.viewcode',
    'sphinx_copybutton',
]
exclude_patterns = ['_build', 'requirements.txt']
# Tables that a tool writes begin with a heading of the second level.
suppress_warnings = ['myst.header']

# Headings have the anchors that GitHub gives them, so that one link works in both places.
myst_heading_anchors = 4
myst_fence_as_directive = ['mermaid']
myst_links_external_new_tab = False

# The notebook is stored with its results; tests/docs/test_notebook.py runs it.
nb_execution_mode = 'off'

# Everything lies beside the pages: no font, script or search index comes from a network.
html_theme = 'furo'
html_title = f'mmcmd {release}'
html_static_path = ['_static']
html_css_files = ['site.css']
html_copy_source = False
html_show_sphinx = False
html_theme_options = {'navigation_with_keys': True}

autodoc_typehints = 'none'  # the docstrings give types and shapes
autodoc_member_order = 'bysource'
autodoc_default_options = {'members': True, 'show-inheritance': True}
napoleon_numpy_docstring = False
napoleon_use_rtype = False
napoleon_use_ivar = True
copybutton_exclude = '.linenos, .gp'


class Mermaid(SphinxDirective):
    """A drawing of a data flow: the picture that ``pictures/draw_flows.py`` made of it.

    Mermaid itself would need a script from a network. GitHub shows the block of the page instead.
    """

    has_content = True

    def run(self) -> list[nodes.Node]:
        """Return the picture of this page."""
        page = Path(self.env.docname).name
        number = self.env.new_serialno('flow') + 1
        uri = f'/pictures/flows/{page}-{number}.svg'
        image = nodes.image(uri=uri, alt=f'Data flow {number} of {page}')
        return [nodes.container('', image, classes=['flow'])]


def leave_repository_links(app: Sphinx, docname: str, source: list[str]) -> None:
    """Write links to folders and files outside the pages as code: the site does not hold them."""
    folder = (HERE / docname).parent

    def replace(match: re.Match) -> str:
        text, target = match[1], match[2]
        path = (folder / target.split('#')[0]).resolve()
        if '://' in target or not path.exists() or path.is_relative_to(HERE):
            return match[0]
        return text if text.startswith('`') else f'{text} (`{path.relative_to(ROOT)}`)'

    source[0] = re.sub(r'(?<!!)\[([^\[\]]+)\]\(([^)\s]+)\)', replace, source[0])


def escape_signs(app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list) -> None:
    """Keep ``|i|`` and ``*args, **kwargs`` of a docstring as they are, instead of as markup."""
    for number, line in enumerate(lines):
        if '``' not in line:
            line = re.sub(r'\|(\w+)\|', r'\\|\1\\|', line)
        lines[number] = line.replace('*args, **kwargs:', r'\*args, \*\*kwargs:')


def setup(app: Sphinx) -> None:
    """Register what is above."""
    app.add_directive('mermaid', Mermaid)
    app.connect('source-read', leave_repository_links)
    app.connect('autodoc-process-docstring', escape_signs, priority=100)  # before napoleon
