"""The verb `init`: a first sluice.yaml from a few questions, or from options alone."""

from __future__ import annotations

import shlex
import shutil
import sys
from pathlib import Path
from typing import Annotated

import typer

from sluice_cli.failure import Failure
from sluice_cli.setup import asking, given, writing
from sluice_cli.setup.talk import Talk
from sluice_cli.setup.values import document
from sluice_cli.target import Given
from sluice_embedded.layout import Layout

_OPENING = (
    "This asks for your download clients (kind, URL, password), for the folders of your series and movies, and who "
    "imports which category. Nothing is written before you have seen it."
)
_QUEUE_ONLY = (
    "! Without a library nothing is imported: `features: [queue]` is written, and Sluice shows and commands the queue "
    "only. To import as well, give --library NAME=KIND,ROOT now, or later add `libraries:` and take `features:` out."
)

Words = list[str] | None


def init(
    ctx: typer.Context,
    data: Annotated[Path | None, typer.Option(help="The data directory. Default: as for `sluice up`.")] = None,
    client: Annotated[Words, typer.Option(metavar="NAME=TYPE,URL", help="A download client; may be repeated.")] = None,
    username: Annotated[Words, typer.Option(metavar="NAME=USER", help="Of a client that has users.")] = None,
    password_file: Annotated[
        Words, typer.Option(metavar="NAME=FILE", help="A client's password; the file stays yours.")
    ] = None,
    library: Annotated[
        Words, typer.Option(metavar="NAME=KIND,ROOT", help="A library: series or movies, and its folder.")
    ] = None,
    path: Annotated[Words, typer.Option(metavar="NAME=/THEIRS:/OURS", help="Where a client's folder is here.")] = None,
    downloads: Annotated[
        list[Path] | None,
        typer.Option(metavar="DIR", help="Below which the clients' folders may lie here."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Take everything that is proposed.")] = False,
    print_: Annotated[bool, typer.Option("--print", help="Show the file instead of writing anything.")] = False,
) -> None:
    """Make a first sluice.yaml: asks the clients what they are, proposes owners and paths, marks the libraries.

    Passwords go into files of their own in the data directory, readable for you alone. Nothing is overwritten.
    """
    place: Given = ctx.obj
    layout = Layout((data or place.data).expanduser().absolute())
    if not print_:
        writing.refuse_existing(layout)
    said = given.read(client or [], username or [], password_file or [], library or [], path or [], downloads or [])
    interactive = sys.stdin.isatty()
    talk = Talk(interactive=interactive, accept=yes or not interactive)
    if interactive and not yes:
        talk.say(_OPENING)
    clients, libraries = asking.gather(talk, said)
    if not libraries:
        talk.say(_QUEUE_ONLY)
    text = writing.text_of(document(clients, libraries, layout))
    if print_:
        typer.echo(text, nl=False)
        return
    _agreed(talk, layout, text)
    writing.settle_stored(layout, clients, lambda question: talk.agree(question, default=False))
    writing.write(layout, text, clients, libraries, talk.say)
    talk.say(f"Written: {layout.config}. Next: {_next(layout, usual=data is None or layout.data == place.data)}")


def _agreed(talk: Talk, layout: Layout, text: str) -> None:
    """Raise Failure where somebody sees what would be written and does not want it."""
    if talk.accept:
        return
    for line in ("", f"{layout.config} will say:", "", *text.splitlines(), ""):
        talk.say(line)
    if not talk.agree("Write this?"):
        raise Failure("nothing was written")


def _next(layout: Layout, *, usual: bool) -> str:
    """What to type: in a checkout `make run` and the script beside our interpreter, else `sluice` itself."""
    if shutil.which("sluice"):
        start = "sluice up" if usual else f"sluice up --data {shlex.quote(str(layout.data))}"
        name = "sluice"
    else:
        start = "make run" if usual else f"make run DATA={shlex.quote(str(layout.data))}"
        name = ".venv/bin/sluice"
    told = "" if usual else f"SLUICE_DATA={shlex.quote(str(layout.data))} "
    return f"`{start}` (stop and start it where it runs), then, in another terminal, `{told}{name} doctor`."
