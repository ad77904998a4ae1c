"""Names of a file, which may be anything, as names and texts of Python source."""

from __future__ import annotations

import itertools
import keyword
import re
import textwrap
import unicodedata
from collections.abc import Iterable, Iterator, Sequence

from pyruntime.tables import columns, printable

IMPORTED = frozenset({
    "annotations", "os", "np", "Any", "Callable", "ClassVar", "Enum", "Image", "IntEnum", "Mapping", "NDArray",
    "Sequence", "dataclass", "overload", "MLModel", "MLModelConfiguration", "MLUpdateContext",
    "MLUpdateProgressHandlers", "MLUpdateTask", "TrainingOptions", "TypedFeatures", "beside",
})  # fmt: skip
"""Names of the generated module itself: an attribute of the same name would hide them in its class."""
MEMBERS = frozenset({
    "attributes_by_feature", "to_features", "from_features", "feature_names", "feature_value", "self", "cls", "data",
    "model", "features", "made", "one",
})  # fmt: skip
USED = frozenset({
    "classmethod", "dict", "float", "int", "isinstance", "list", "object", "property", "staticmethod", "str", "type",
    "TypeError",
})  # fmt: skip
"""Built-in names that the classes use."""
TAKEN = IMPORTED | MEMBERS | USED | frozenset(keyword.kwlist) | frozenset(keyword.softkwlist)
AMBIGUOUS = frozenset("lOI")
"""Single letters that linters refuse (pycodestyle E741)."""
LONGEST, LONGEST_CLASS = 60, 32
LINE, PIECE = 110, 50


def identifiers(names: Sequence[str], *, taken: Iterable[str] = (), upper: bool = False, start: str = "f") -> list[str]:
    """An identifier for each name, all different: the name itself where it can be one.

    start: what is put before names that begin with no letter.
    """
    used = {*taken, *TAKEN, *AMBIGUOUS}
    others: dict[str, Iterator[str]] = {}
    made = []
    for name in names:
        wanted = _identifier(name, start)
        wanted = wanted.upper() if upper else wanted
        if wanted in used:
            more = others.setdefault(wanted, _others(wanted))
            wanted = next(other for other in more if other not in used)
        used.add(wanted)
        made.append(wanted)
    return made


def _others(wanted: str) -> Iterator[str]:
    yield f"{wanted}_"
    for number in itertools.count(2):
        yield f"{wanted}_{number}"


def _identifier(name: str, start: str) -> str:
    """ASCII letters, digits and underscores: characters that look alike but differ have no place in source."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    plain = re.sub(r"[^0-9A-Za-z_]+", "_", plain)[:LONGEST].rstrip("_") or start
    if not plain[0].isalpha():  # a leading underscore would be private, and two of them mangled
        plain = f"{start}_{plain.lstrip('_')}".rstrip("_")
    return plain


def class_identifier(name: str) -> str:
    """CapWords for a class: "my-model 2" becomes "MyModel2"."""
    plain = _identifier(name, "Model")[:LONGEST_CLASS]
    words = "".join(word[:1].upper() + word[1:] for word in plain.split("_"))
    return f"{words}Model" if words in TAKEN else words


def literal(text: str, indent: str = "") -> str:
    """A string literal, a long one over several lines.  Nothing in `text` gets out of it."""
    pieces, piece = [], ""
    for character in text:
        if piece and len(ascii(piece + character)) > PIECE:
            pieces.append(piece)
            piece = ""
        piece += character
    quoted = [_quoted(piece) for piece in [*pieces, piece]]
    if len(quoted) == 1:
        return quoted[0]
    return "".join(["(", *(f"\n{indent}    {one}" for one in quoted), f"\n{indent})"])


def _quoted(text: str) -> str:
    escaped = ascii(text)
    if escaped[0] == "'" and '"' not in escaped:
        return f'"{escaped[1:-1]}"'
    return escaped


def comment(text: str, indent: str = "") -> list[str]:
    """Lines of a docstring for what stands in a file: one paragraph, nothing in it ends the docstring."""
    safe = printable(text).replace('"', "'")
    width = LINE - len(indent)
    lines = textwrap.wrap(safe, width // 2 if columns(safe) > len(safe) or "\\" in safe else width)
    return [line.rstrip().replace("\\", "\\\\") for line in lines]  # after wrapping: a pair stays a pair


def docstring(paragraphs: Sequence[str], indent: str) -> list[str]:
    """Lines of source: one line where it fits, else the first line and the others below."""
    blocks = [lines for text in paragraphs if (lines := comment(text, indent))]
    if len(blocks) == 1 and len(blocks[0]) == 1:
        return [f'{indent}"""{blocks[0][0]}"""']
    lines = []
    for i, block in enumerate(blocks):
        lines += [""] * (i > 0) + [f"{indent}{line}" for line in block]
    lines[0] = f'{indent}"""{lines[0].removeprefix(indent)}'
    return [*lines, f'{indent}"""']
