"""The documentation site: `make docs` builds it in English, and `docs/ko` in Korean."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docutils import nodes
from docutils.statemachine import StringList
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.util.docutils import SphinxDirective

import impasto

if TYPE_CHECKING:
    from sphinx.application import Sphinx

HERE = Path(__file__).parent

project = "impasto"
author = "The impasto authors"
copyright = author  # noqa: A001 – Sphinx's name
version = release = impasto.__version__
language = "en"

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx_copybutton"]
exclude_patterns = ["ko", "pictures"]

myst_enable_extensions = ["attrs_inline", "dollarmath"]
myst_heading_anchors = 3
nb_execution_mode = "cache"
nb_execution_raise_on_error = True
nb_merge_streams = True
nb_execution_in_temp = True
nb_execution_cache_path = str(HERE.parent / ".docs" / "executed")

autodoc_member_order = "bysource"
autodoc_typehints = "none"  # the descriptions of arguments say it
napoleon_google_docstring = True
napoleon_use_ivar = True

html_theme = "furo"
html_title = "impasto"
html_static_path = [str(HERE / "_static")]
html_css_files = ["site.css"]
templates_path = [str(HERE / "_templates")]
html_show_sphinx = html_show_copyright = False
html_copy_source = False
html_show_search_summary = False  # it would need a web server
html_math_renderer = "mathml"
html_sidebars = {
    "**": [
        "sidebar/brand.html",
        "languages.html",
        "sidebar/search.html",
        "sidebar/scroll-start.html",
        "sidebar/navigation.html",
        "sidebar/scroll-end.html",
    ]
}
pygments_style = "friendly"
pygments_dark_style = "monokai"
copybutton_exclude = ".linenos, .gp, .go"


def pages_in(folder: Path) -> set[str]:
    """The names of the pages in a folder, without their suffix."""
    return {file.relative_to(folder).with_suffix("").as_posix() for file in folder.rglob("*.md")}


html_context = {"translated": pages_in(HERE / "ko"), "english": True}


class Settings(SphinxDirective):
    """A table of every setting of a recipe, with its default."""

    def run(self) -> list[nodes.Node]:
        """The table."""
        rows, recipe = ["| setting | default | |", "|---|---|---|"], impasto.Recipe()
        for name, field in impasto.Recipe.model_fields.items():
            default = getattr(recipe, name)
            shown = "" if default in (None, ()) else f"`{default}`"
            about = (field.description or "").replace("|", r"\|")
            rows.append(f"| `{name}` | {shown} | {about} |")
        parent = nodes.container()
        self.state.nested_parse(StringList(rows, "settings"), 0, parent)
        return parent.children


def as_mathml(self: Any, node: nodes.math | nodes.math_block) -> None:
    """Write a formula as MathML, which browsers draw without a script or a font of ours."""
    is_block = isinstance(node, nodes.math_block)
    mathml = tex2mathml(node.astext(), as_block=is_block)
    self.body.append(f'<div class="math">{mathml}</div>' if is_block else mathml)
    raise nodes.SkipNode


def link_to_english_pages(_: Sphinx, name: str, source: list[str]) -> None:
    """Let the links from a Korean page to English ones lead to the pages of the site."""
    above = re.escape("../" * (name.count("/") + 1))
    links = rf"\]\(({above}[a-z/-]+)\.md(#[a-z-]+)?\)"
    source[0] = re.sub(links, r"](\1.html\2){.external}", source[0])


def setup(app: Sphinx) -> None:
    """Add to Sphinx what the site needs."""
    app.add_directive("settings", Settings)
    app.connect("source-read", link_to_english_pages)
    renderers = (as_mathml, None)
    app.add_html_math_renderer("mathml", inline_renderers=renderers, block_renderers=renderers)
