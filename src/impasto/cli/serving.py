"""The command that serves the web page: studio."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from impasto.cli.options import Device, Threads, use_threads
from impasto.errors import InputError
from impasto.process.interrupts import ENDING, Signals
from impasto.studio.limits import Limits

if TYPE_CHECKING:
    from impasto.studio.opening import Address

USUAL = Limits()
MOST_MILLIONS = 1e9  # of pixels or bytes


def studio(
    host: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Address to listen on.")
    ] = "127.0.0.1",
    port: Annotated[
        int,
        typer.Option(min=0, max=65535, metavar="N", help="Port to listen on; 0 for any free one."),
    ] = 7860,
    auth: Annotated[
        str | None,
        typer.Option(
            metavar="NAME:PASSWORD",
            help="Name and password that visitors need; or set IMPASTO_STUDIO_AUTH.",
            show_default="none",
        ),
    ] = None,
    auth_file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Read NAME:PASSWORD from a file that other users cannot read.",
            show_default="none",
        ),
    ] = None,
    open_: Annotated[
        bool, typer.Option("--open", help="Let in anyone who can reach the address.")
    ] = False,
    largest: Annotated[
        float,
        typer.Option(
            "--max-megapixels",
            min=0.01,
            max=MOST_MILLIONS,
            metavar="X",
            help="Largest canvas, in megapixels.",
        ),
    ] = USUAL.pixels / 1e6,
    most_steps: Annotated[
        int, typer.Option("--max-steps", min=1, metavar="N", help="Most steps of a painting.")
    ] = USUAL.steps,
    most_work: Annotated[
        float,
        typer.Option(
            "--max-work",
            min=0.001,
            metavar="X",
            help="Most multiplications for a painting, in trillions.",
        ),
    ] = USUAL.work / 1e12,
    longest: Annotated[
        float,
        typer.Option(
            "--max-seconds", min=1, metavar="X", help="Longest time for a painting, in seconds."
        ),
    ] = USUAL.seconds,
    upload: Annotated[
        float,
        typer.Option(
            "--max-megabytes",
            min=0.01,
            max=MOST_MILLIONS,
            metavar="X",
            help="Largest uploaded file, in megabytes.",
        ),
    ] = USUAL.bytes / 1e6,
    uploaded: Annotated[
        float,
        typer.Option(
            "--max-upload-megapixels",
            min=0.01,
            max=MOST_MILLIONS,
            metavar="X",
            help="Largest uploaded picture, in megapixels.",
        ),
    ] = USUAL.uploaded / 1e6,
    frames: Annotated[
        int, typer.Option("--max-frames", min=1, metavar="N", help="Most frames of a clip.")
    ] = USUAL.frames,
    minutes: Annotated[
        float,
        typer.Option(
            "--max-minutes",
            min=0,
            metavar="X",
            help="Longest training of a painter, in minutes; 0 for none.",
        ),
    ] = USUAL.minutes,
    waiting: Annotated[
        int,
        typer.Option(
            "--max-waiting", min=1, max=100, metavar="N", help="Most paintings in the queue."
        ),
    ] = USUAL.waiting,
    device: Device = "auto",
    threads: Threads = None,
) -> None:
    """Serve a web page for painting; other programs can use it as a service."""
    from impasto.studio import opening

    visitors = opening.credentials(auth, auth_file)
    address = opening.Address.of(host, port)
    if not address.is_local and visitors is None and not open_:
        raise InputError("studio.open-to-all", host=host)
    limits = Limits(
        bytes=int(1e6 * upload),
        uploaded=int(1e6 * uploaded),
        pixels=int(1e6 * largest),
        steps=most_steps,
        work=1e12 * most_work,
        frames=frames,
        minutes=minutes,
        waiting=waiting,
        seconds=longest,
    )
    with Signals(*ENDING) as signals:
        try:
            asked = _serve(address, limits, device, threads, visitors)
        except BaseException:  # a signal during an import can cause any error
            if signals.number is None:
                raise
            asked = signals.number
    typer.echo("The studio is closed.", err=True)
    raise typer.Exit(128 + asked)


def _serve(
    address: Address,
    limits: Limits,
    device: str,
    threads: int | None,
    visitors: tuple[str, str] | None,
) -> int:
    """Open the studio and print its address; return the signal that stopped it."""
    from impasto.studio import opening

    with address.listen() as listener:
        folder = opening.folder_of_jobs()
        try:
            from impasto.network import devices
            from impasto.studio.server import serve
        except ImportError as error:
            raise InputError("studio.not-installed", package=error.name) from None
        devices.choose(device)
        use_threads(threads)

        def opened() -> None:
            typer.echo(f"The studio is at {address.url(listener)} (Ctrl-C stops it).", err=True)

        return serve(listener, folder, limits, device, visitors, opened)
