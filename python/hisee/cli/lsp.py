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
def lsp(stdio: bool, log_level: str) -> int:
    """Language server for ESL: an editor starts it and speaks with it over standard input and output (docs/esl/tools.md)."""
    from hisee.lsp.server import make_server

    logging.basicConfig(stream=sys.stderr, level=log_level.upper())
    make_server().start_io()
    return Exit.OK
