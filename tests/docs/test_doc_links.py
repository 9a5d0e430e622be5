"""Every link inside the documentation leads to a file, and to a heading of it."""

import re

import pytest
from doc_blocks import PAGES, ROOT, read_page

LINK = re.compile(r'\]\(([^)\s]+)\)')
FENCE = re.compile(r'^```.*?^```', re.MULTILINE | re.DOTALL)


def anchors(text):
    """Return the anchors that GitHub and the site give to the headings of a page."""
    found = set()
    for heading in re.findall(r'^#+ +(.+)$', FENCE.sub('', text), re.MULTILINE):
        plain = re.sub(r'\[([^]]+)\]\([^)]+\)', r'\1', heading).replace('`', '')
        found.add(re.sub(r'[^\w\- ]', '', plain.lower()).strip().replace(' ', '-'))
    return found


@pytest.mark.parametrize('path', PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(path):
    broken = []
    for link in LINK.findall(FENCE.sub('', read_page(path))):
        if '://' in link or link.startswith('mailto:'):
            continue
        target, _, anchor = link.partition('#')
        file = (path.parent / target).resolve() if target else path
        if not file.exists() or (anchor and anchor not in anchors(read_page(file))):
            broken.append(link)
    assert broken == []


def test_readme_links_to_every_page_or_to_its_index():
    linked, todo = set(), [ROOT / 'README.md']
    while todo:
        path = todo.pop()
        for link in LINK.findall(read_page(path)):
            file = (path.parent / link.split('#')[0]).resolve()
            if file in PAGES and file not in linked:
                linked.add(file)
                todo.append(file)
    apart = {ROOT / 'README.md', ROOT / 'docs/index.md', ROOT / 'docs/changelog.md'}
    assert set(PAGES) - linked - apart == set()
