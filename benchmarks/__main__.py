"""Time every stage against what one would otherwise run: ``python -m benchmarks [STAGE ...]``.

Speeds are ratios of times taken in turns in one run. The exit status is 1 if two implementations
disagree, and 0 otherwise, whatever the speeds.
"""

import argparse
import importlib
import sys
import time
from pathlib import Path

from rich.console import Console
from rich.markdown import Markdown

from benchmarks.harness import Disagreement, as_json, machine, markdown

STAGES = (
    'encoder',
    'cmd_step',
    'graph_encoder',
    'views',
    'conversion',
    'dataset',
    'knn',
    'linear',
    'startup',
    'growth',
)
"""Modules of this package, each with ``run(short)``, a generator of figures."""


def main() -> int:
    parser = argparse.ArgumentParser(prog='python -m benchmarks', description=__doc__)
    parser.add_argument('stages', nargs='*', metavar='STAGE', help=f'of {", ".join(STAGES)}')
    parser.add_argument('--short', action='store_true', help='small sizes: a minute in all')
    parser.add_argument('--out', type=Path, default=Path('work_dirs/bench'), help='folder')
    args = parser.parse_args()
    unknown = set(args.stages) - set(STAGES)
    if unknown:
        parser.error(f'unknown stage {min(unknown)}; stages are {", ".join(STAGES)}')

    console = Console()
    facts = machine() | {'form': 'short' if args.short else 'full'}
    args.out.mkdir(parents=True, exist_ok=True)
    results, disagreements = [], []
    for name in args.stages or STAGES:
        start = time.perf_counter()
        console.print(f'{name} ...')
        try:
            for result in importlib.import_module(f'benchmarks.{name}').run(args.short):
                results.append(result)
                console.print(f'  {result}', soft_wrap=True, markup=False, highlight=False)
        except Disagreement as error:
            disagreements.append(f'{name}: {error}')
            console.print(f'  DISAGREE: {error}', soft_wrap=True, markup=False)
        console.print(f'  {time.perf_counter() - start:.0f} s')
        for suffix, text in (('md', markdown), ('json', as_json)):
            (args.out / f'bench.{suffix}').write_text(text(results, facts))

    console.print(Markdown(markdown(results, facts)))
    console.print(f'written to {args.out}/bench.md and bench.json')
    for line in disagreements:
        console.print(f'two implementations disagree: {line}', soft_wrap=True, markup=False)
    return int(bool(disagreements))


if __name__ == '__main__':
    sys.exit(main())
