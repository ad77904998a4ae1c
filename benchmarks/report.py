"""Write measured tables into docs/performance.md.

    python benchmarks/report.py build/bench/race.json build/bench/start.json build/bench/pytest.json

A file goes between the markers of its name: `<!-- race -->` and `<!-- /race -->`.  The rest of the page is left alone.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tables import pytest_tables, race_tables, start_tables, training_tables

PAGE = Path(__file__).resolve().parent.parent / "docs/performance.md"
SECTIONS: dict[str, Callable[[dict[str, Any]], list[str]]] = {
    "race": race_tables,
    "start": start_tables,
    "pytest": pytest_tables,
    "training": training_tables,
}


def with_section(page: str, name: str, lines: list[str]) -> str:
    """The page with other text between the markers of `name`.  Raises ValueError when they are not there once."""
    begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    pattern = re.compile(re.escape(begin) + ".*?" + re.escape(end), re.DOTALL)
    if len(pattern.findall(page)) != 1:
        raise ValueError(f"{PAGE.name}: expected {begin} and {end} once each")
    text = "\n".join([begin, "", *lines, "", end])
    return pattern.sub(lambda _: text, page)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", type=Path, help=f"named {', '.join(f'{name}.json' for name in SECTIONS)}")
    parser.add_argument("--page", type=Path, default=PAGE, help="page to write (default docs/performance.md)")
    options = parser.parse_args()
    page = options.page.read_text()
    for path in options.files:
        if path.stem not in SECTIONS:
            parser.error(f"{path}: expected a file named {', '.join(f'{name}.json' for name in SECTIONS)}")
        page = with_section(page, path.stem, SECTIONS[path.stem](json.loads(path.read_text())))
    options.page.write_text(page)


if __name__ == "__main__":
    main()
