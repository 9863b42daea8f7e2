"""The Korean pages of the site: the settings of the English ones, with what differs."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from conf import *  # noqa: F403
from conf import html_context

language = "ko"
exclude_patterns: list[str] = []
html_context = {**html_context, "english": False}
