"""`claster browse`: a run's tracks in igv.js on a local page, or as an IGV session."""

from pathlib import Path
from typing import Annotated

import typer

from claster.cli.arguments import RunFolderPath
from claster.cli.complaint import echo


def browse(
    run: RunFolderPath,
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="TCP port of 127.0.0.1; 0 takes a free one.")
    ] = 0,
    show: Annotated[
        bool, typer.Option("--open/--no-open", help="Open the page in the web browser.")
    ] = True,
    session: Annotated[
        Path | None,
        typer.Option(
            "--session", help="Write a session of IGV on the desktop to this file, and exit."
        ),
    ] = None,
) -> None:
    """Show predicted, observed, residual and input tracks in a genome browser on this machine."""
    from claster.browse import open_browser, prepare_browser

    browser = prepare_browser(run, session=session)
    echo(f"session for IGV on the desktop: {browser.session}")
    if session is None:
        open_browser(browser, port=port, show=show, say=echo)
