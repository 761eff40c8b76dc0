"""Starts the command line and turns every way it can end into one message and an exit code."""

import os
import sys
import traceback
from collections.abc import Sequence

import typer

from cs_sync.cli.app import make_app
from cs_sync.cli.options import Options
from cs_sync.cli.stopping import terminating
from cs_sync.contracts.errors import CsSyncError
from cs_sync.plugins import BrokenPlugin, load_plugins
from cs_sync.plugins.distributions import refuse_foreign_package

USAGE = 2
INTERRUPTED = 130
"""What a shell expects of a process that Ctrl-C ended; SIGTERM is taken for the same wish."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code: 0 ok, 1 failed, 2 usage, 3 partial, 130 Ctrl-C."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    disabled = os.environ.get("CS_SYNC_DISABLED_PLUGINS", "").split(",")
    options = Options(plugins=load_plugins(disabled, report=_warn))
    try:
        refuse_foreign_package()
        app = make_app()
        options.plugins.add_commands(app)
        with terminating():
            typer.main.get_command(app).main(args=given, prog_name="cs-sync", obj=options)
    except KeyboardInterrupt:
        return _ended(INTERRUPTED, given)
    except SystemExit as ended:
        return _ended(ended.code if isinstance(ended.code, int) else 1, given)
    except CsSyncError as error:
        _trace(options)
        _say(f"error: {error}")
        return error.exit_code
    except Exception as error:  # noqa: BLE001 - the user gets a message instead of a traceback
        _trace(options)
        first = next(iter(str(error).splitlines()), "")
        _say(f"error: unexpected {type(error).__name__}: {first}\n  → {_REPORT}")
        return 1
    return 0


_REPORT = "run it again with --debug before the command, and report the traceback"


_GLOBAL = {"--config", "--format", "--quiet", "--log-format", "--debug"}


def _ended(code: int, given: Sequence[str]) -> int:
    """The exit code, with a word on what typer leaves unsaid."""
    if code == INTERRUPTED:
        _say("stopped; run it again and it goes on where it was")
    elif code == USAGE and _GLOBAL & set(given) and not given[0].startswith("-"):
        _say(f"{', '.join(sorted(_GLOBAL))} stand before the command")
    return code


def _warn(plugin: BrokenPlugin) -> None:
    _say(f"warning: {plugin}")


def _say(text: str) -> None:
    """On standard error; a vendor's or a customer's words in it drive no terminal."""
    from cs_sync.cli.values import harmless

    print(harmless(text), file=sys.stderr)


def _trace(options: Options) -> None:
    if options.debug:
        traceback.print_exc()
