"""netspace: the library's operations on the command line. What a command needs is imported when it is called."""

import sys

import typer
from rich.markup import escape

from netspace import __version__
from netspace.cli.console import console
from netspace.cli.networks import compare, decode, directions, embed, interpolate, mesh
from netspace.cli.reports import evaluate, publish, results
from netspace.cli.search import optimize_app
from netspace.cli.service import serve
from netspace.cli.training import train
from netspace.cli.zoos import fit, images, zoo_app
from netspace.errors import NetSpaceError
from netspace.runtime import keep_freed_memory


def version() -> None:
    """Prints the version."""
    print(__version__)


COMMANDS = (
    *(fit, images, train, evaluate, publish, results),
    *(embed, decode, interpolate, directions, mesh, compare),
    *(serve, version),
)
app = typer.Typer(
    no_args_is_help=True, add_completion=False, help="Learn, serve and explore the space of trained networks."
)
for command in COMMANDS:
    app.command()(command)
app.add_typer(zoo_app, name="zoo")
app.add_typer(optimize_app, name="optimize")


def main() -> None:
    """Entry point: errors a user can cause become one line and exit code 2."""
    keep_freed_memory()
    try:
        app()
    except NetSpaceError as error:
        console.print(f"[bold red]{error.title}.[/] {escape(str(error))}", highlight=False, soft_wrap=True)
        sys.exit(2)
