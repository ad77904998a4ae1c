"""Write measured tables into the pages that show them.

    python benchmarks/report.py build/bench/race.json build/bench/start.json build/bench/neighbors.json

A file goes between the markers of its name: `<!-- race -->` and `<!-- /race -->`.  The rest of its page is left alone.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import tables

DOCS = Path(__file__).resolve().parent.parent / "docs"


class Section(NamedTuple):
    """The tables of a file of numbers, and the page of docs/ that has them."""

    tables: Callable[[dict[str, Any]], list[str]]
    page: str = "performance.md"


SECTIONS = {
    "networks": Section(tables.network_tables),
    "race": Section(tables.race_tables),
    "footprint": Section(tables.footprint_tables),
    "busy": Section(tables.busy_tables),
    "start": Section(tables.start_tables),
    "pytest": Section(tables.pytest_tables),
    "training": Section(tables.training_tables),
    "neighbors": Section(tables.neighbor_tables, "nearest-neighbors.md"),
}


def with_section(page: str, name: str, lines: list[str]) -> str:
    """The page with other text between the markers of `name`.  Raises ValueError when they are not there once."""
    begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    pattern = re.compile(re.escape(begin) + ".*?" + re.escape(end), re.DOTALL)
    if len(pattern.findall(page)) != 1:
        raise ValueError(f"expected {begin} and {end} once each in the page")
    text = "\n".join([begin, "", *lines, "", end])
    return pattern.sub(lambda _: text, page)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", type=Path, help=f"named {', '.join(f'{name}.json' for name in SECTIONS)}")
    parser.add_argument("--docs", type=Path, default=DOCS, help="folder of the pages (default docs)")
    options = parser.parse_args()
    for path in options.files:
        if path.stem not in SECTIONS:
            parser.error(f"{path}: expected a file named {', '.join(f'{name}.json' for name in SECTIONS)}")
        section = SECTIONS[path.stem]
        page = options.docs / section.page
        page.write_text(with_section(page.read_text(), path.stem, section.tables(json.loads(path.read_text()))))


if __name__ == "__main__":
    main()
