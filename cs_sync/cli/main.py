"""Entry point of the command line; every end becomes one message and an exit code."""

import atexit
import gc
import os
import re
import sys
import traceback
from collections.abc import Sequence
from typing import Any

import typer

from cs_sync.cli.app import make_app
from cs_sync.cli.options import Options
from cs_sync.cli.signal_handling import sigterm_as_interrupt
from cs_sync.contracts.errors import CsSyncError
from cs_sync.plugins import BrokenPlugin, PluginRegistry, load_plugins
from cs_sync.plugins.distributions import refuse_foreign_package
from cs_sync.sync.gc_tuning import RUN_OBJECTS, raise_gc_threshold

# At its end Python looks through all that is left for garbage, more than once, though the process
# frees it anyway: that was a third of the time of a short command.
atexit.register(gc.freeze)

UsageError: type[Exception] = typer.BadParameter.__mro__[1]
"""Any wrong command line; typer names only this one of them."""

RESUMING = "stopped; run it again and it goes on where it was"
USAGE_EXIT_CODE = 2
INTERRUPTED_EXIT_CODE = 130
"""What a shell expects of a process that Ctrl-C ended; SIGTERM is taken for the same wish."""


@raise_gc_threshold(RUN_OBJECTS)
def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Returns:
        The exit code: 0 ok, 1 failed, 2 usage, 3 partial, 130 Ctrl-C.
    """
    argv = list(sys.argv[1:] if arguments is None else arguments)
    disabled = os.environ.get("CS_SYNC_DISABLED_PLUGINS", "").split(",")
    options = Options(plugins=load_plugins(disabled, report=_print_warning))
    try:
        refuse_foreign_package()
        command = build_command(options.plugins)
        with sigterm_as_interrupt():
            code = command.main(argv, "cs-sync", obj=options, standalone_mode=False)
        return _explain_exit(code or 0, options)
    except KeyboardInterrupt:
        return _explain_exit(INTERRUPTED_EXIT_CODE, options)
    except SystemExit as ended:
        return _explain_exit(ended.code if isinstance(ended.code, int) else 1, options)
    except typer.Abort:
        _print_message("error: not confirmed, and nothing was done")
        return 1
    except UsageError as error:
        return _explain_usage(error)
    except CsSyncError as error:
        _print_traceback(options)
        _print_message(f"error: {leave_out_warnings(str(error), options.plugins.broken)}")
        return error.exit_code
    except Exception as error:  # noqa: BLE001 - the user gets a message instead of a traceback
        _print_traceback(options)
        first = next(iter(str(error).splitlines()), "")
        _print_message(f"error: unexpected {type(error).__name__}: {first}\n  → {_REPORT_REMEDY}")
        return 1


def build_command(plugins: PluginRegistry) -> Any:
    """Build the command line of the host's commands and those of plugins."""
    app = make_app()
    plugins.add_commands(app)
    command = typer.main.get_command(app)
    hide_flag_types(command)
    return command


def hide_flag_types(command: Any, parent: typer.Context | None = None) -> None:
    """Hide the type of flags in the help of all commands."""
    context = typer.Context(command, parent, **command.context_settings)
    for parameter in (*command.params, command.get_help_option(context)):
        if getattr(parameter, "is_flag", False):
            parameter.metavar = ""
    for inner in getattr(command, "commands", {}).values():
        hide_flag_types(inner, context)


_REPORT_REMEDY = "run it again with --debug before the command, and report the traceback"


_GLOBAL_OPTIONS = {"--config", "--format", "--quiet", "--log-format", "--debug"}


def _explain_exit(code: int, options: Options) -> int:
    """Explain an interruption; return the exit code."""
    if code == INTERRUPTED_EXIT_CODE:
        _print_message(RESUMING if options.resumes else "stopped")
    return code


def _explain_usage(error: Any) -> int:
    """Explain a wrong command line; return the exit code."""
    text = _WORDING.sub("", " ".join(error.format_message().split()))
    text = text.replace("Input should be", "must be").replace("a valid integer", "a whole number")
    if not text:  # a group of commands that was given none has shown its help
        return USAGE_EXIT_CODE
    path = error.ctx.command_path if error.ctx else "cs-sync"
    remedy = f"see {path} --help"
    if getattr(error, "option_name", None) in _GLOBAL_OPTIONS:
        remedy = f"{', '.join(sorted(_GLOBAL_OPTIONS))} stand before the command"
    _print_message(f"error: {text}\n  → {remedy}")
    return USAGE_EXIT_CODE


_WORDING = re.compile(r"^Invalid value: |Value error, |, unable to parse .*")


def leave_out_warnings(text: str, warned: Sequence[BrokenPlugin]) -> str:
    """Return an error without what warnings of broken plugins say."""
    for plugin in warned:
        text = text.replace(f": {plugin.error}\n", ", as the warning says\n")
    return text


def _print_warning(plugin: BrokenPlugin) -> None:
    _print_message(f"warning: {plugin}")


def _print_message(text: str) -> None:
    """Print to standard error, without control characters from vendors' or customers' texts."""
    from cs_sync.cli.render.formatting import strip_control_characters

    print(strip_control_characters(text), file=sys.stderr)


def _print_traceback(options: Options) -> None:
    if options.debug:
        traceback.print_exc()
