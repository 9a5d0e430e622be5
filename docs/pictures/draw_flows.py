"""Draw the Mermaid blocks of the pages as SVG files, so that the site needs no network.

It needs Chromium, playwright and the script of Mermaid, which the tests and the site do not need:

    npm install mermaid@11
    python docs/pictures/draw_flows.py node_modules/mermaid/dist/mermaid.min.js
"""

import argparse
import hashlib
import re
from pathlib import Path

DOCS = Path(__file__).parents[1]
FOLDER = DOCS / 'pictures' / 'flows'
BLOCK = re.compile(r'```mermaid\n(.*?)```', re.DOTALL)
SETTINGS = """{startOnLoad: false, theme: 'neutral', securityLevel: 'strict', htmlLabels: false,
    flowchart: {htmlLabels: false, useMaxWidth: true}, fontFamily: 'sans-serif'}"""


def flows() -> dict[str, str]:
    """Return the Mermaid blocks of all pages: name of the page and number to block."""
    return {
        f'{path.stem}-{number}': block
        for path in sorted(DOCS.rglob('*.md'))
        for number, block in enumerate(BLOCK.findall(path.read_text()), start=1)
    }


def mark(flow: str) -> str:
    """Return the comment that says which block a picture was made of."""
    return f'<!-- {hashlib.sha256(flow.encode()).hexdigest()[:16]} -->'


def main() -> None:
    from playwright.sync_api import sync_playwright

    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('mermaid', type=Path, help='mermaid.min.js')
    parser.add_argument('--chromium', default='/usr/bin/chromium', help='browser that draws')
    args = parser.parse_args()
    FOLDER.mkdir(exist_ok=True)
    for old in FOLDER.glob('*.svg'):
        old.unlink()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=args.chromium, args=['--no-sandbox', '--disable-gpu']
        )
        page = browser.new_page()
        page.set_content('<body></body>')
        page.add_script_tag(path=args.mermaid)
        page.evaluate(f'mermaid.initialize({SETTINGS})')
        for name, flow in flows().items():
            drawn = 'async flow => (await mermaid.render("flow", flow)).svg'
            svg = page.evaluate(drawn, flow).replace('<br>', '<br/>')
            (FOLDER / f'{name}.svg').write_text(f'{svg}\n{mark(flow)}\n')
            print(f'{name}.svg: {len(svg):,} bytes')
        browser.close()


if __name__ == '__main__':
    main()
