"""A run's tracks in a genome browser: igv.js on a local page, and session files."""

from claster.browse.run import open_browser, prepare_browser

__all__ = ["open_browser", "prepare_browser"]
