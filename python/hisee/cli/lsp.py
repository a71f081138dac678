"""`hisee lsp`: the language server on standard input and output."""

from __future__ import annotations

import logging
import sys

import click

from hisee.schema.exits import Exit


@click.command()
@click.option("--stdio", is_flag=True, help="Speak over standard input and output: the only way there is; editors like to say so.")
@click.option("--log", "log_level", type=click.Choice(["error", "warning", "info", "debug"]), default="warning", show_default=True,
              help="What is written to standard error.")
@click.option("--debounce", type=click.IntRange(min=0), default=150, show_default=True, metavar="MS",
              help="Pause after the last key before a text is checked.")
def lsp(stdio: bool, log_level: str, debounce: int) -> int:
    """Language server for ESL: an editor starts it and speaks with it over standard input and output (docs/esl/tools.md)."""
    from hisee.lsp.server import make_server

    logging.basicConfig(stream=sys.stderr, level=log_level.upper())
    make_server(debounce / 1000).start_io()
    return Exit.OK
