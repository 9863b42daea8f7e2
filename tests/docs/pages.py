"""The pages of the documentation, and the blocks of code in them."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
READMES = (ROOT / "README.md", ROOT / "README.ko.md")
PAGES = (*READMES, *sorted((ROOT / "docs").rglob("*.md")))
BLOCK = re.compile(r"^```(\{code-cell\} )?(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def blocks(page: Path, *kinds: str) -> list[str]:
    """The blocks of code of some kinds in a page, such as ``sh``."""
    return [code for _, kind, code in BLOCK.findall(page.read_text("utf-8")) if kind in kinds]


def cells(page: Path) -> list[str]:
    """The cells of a notebook."""
    found = BLOCK.findall(page.read_text("utf-8"))
    return [code for is_cell, _, code in found if is_cell]


def commands(page: Path) -> list[str]:
    """The commands in a page, one line each, without comments; a script of curl is none."""
    scripts = [code for code in blocks(page, "sh") if not code.startswith("curl ")]
    lines = "".join(scripts).replace("\\\n", " ").splitlines()
    bare = (re.sub(r"\s+# .*", "", line).strip() for line in lines)
    return [line for line in bare if line and not line.startswith("#")]
