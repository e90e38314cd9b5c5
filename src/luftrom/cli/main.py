"""`luftrom`: arguments to a command, its refusals to one line and an exit code.

Commands are imported when they are called, so that `luftrom --help` reads nothing but this file.
Whatever goes wrong ends as one line on standard error and one of the codes below (clig.dev).
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from luftrom.cli import COMMANDS

if TYPE_CHECKING:
    from luftrom.errors import LuftromError


DONE, NO, USAGE, NO_ANSWER, DEFECT, INTERRUPTED = 0, 1, 2, 3, 70, 130
EXIT_CODES = {
    DONE: "done",
    NO: "the answer is no: refused, not verified, not found, not permitted, a check failed",
    USAGE: "the command or the input is not what it should be; nothing was done",
    NO_ANSWER: "no answer from the node or, under `hold`, from a peer; it may be tried again",
    DEFECT: "a defect of Luftrom",
    INTERRUPTED: "stopped by Ctrl-C",
}


class LazyGroup(click.Group):
    """A group that imports a command when it is wanted, and lists all without importing any."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names, in the order in which they are listed."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name, or None."""
        if cmd_name not in COMMANDS:
            return None
        module, attribute, *_ = COMMANDS[cmd_name]
        command: click.Command = getattr(
            importlib.import_module(f"luftrom.cli.{module}"), attribute)
        return command

    def resolve_command(self, ctx: click.Context, args: list[str]
                        ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, with a suggestion for a misspelt name."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            import difflib

            near = difflib.get_close_matches(args[0], COMMANDS, 1)
            hint = f"; did you mean {near[0]}?" if near else "; see luftrom --help"
            raise click.UsageError(f"there is no command {args[0]}{hint}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The commands under their headings."""
        width = max(map(len, COMMANDS))
        for heading in dict.fromkeys(heading for *_, heading, _ in COMMANDS.values()):
            with formatter.section(heading):
                formatter.write_dl([(name.ljust(width), line)
                                    for name, (*_, under, line) in COMMANDS.items()
                                    if under == heading])


def _version(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        from luftrom import __version__

        click.echo(f"luftrom {__version__}")
        ctx.exit()


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--version", is_flag=True, expose_value=False, is_eager=True, callback=_version,
              help="Print the version.")
def cli() -> None:
    """Share planned flights between parties that do not trust each other.

    \b
    Example, two parties on this machine:
      luftrom demo
    Example, a node of your own:
      luftrom init --dir alfa --party alfa.example --base-url https://alfa.example
      luftrom serve --dir alfa
    """


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command and end the process with its exit code."""
    sys.exit(run(arguments))


def run(arguments: Sequence[str] | None = None) -> int:
    """Run a command; its exit code. Errors are one line each, on standard error."""
    from luftrom.errors import LuftromError
    from luftrom.files import mend_of

    try:
        result: Any = cli.main(args=arguments, prog_name="luftrom", standalone_mode=False)
        sys.stdout.flush()
        return result if isinstance(result, int) else DONE
    except click.UsageError as error:
        where = error.ctx.command_path if error.ctx else "luftrom"
        tell(f"{error.format_message()} (see {where} --help)")
        return USAGE
    except click.ClickException as error:
        tell(error.format_message())
        return USAGE
    except LuftromError as error:
        tell(str(error))
        return exit_code(error)
    except (KeyboardInterrupt, click.Abort):
        tell("stopped")
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has closed it; a second flush at exit must not complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except OSError as error:
        tell(": ".join(filter(None, (error.strerror or str(error), error.filename,
                                     mend_of(error)))))
        return NO
    except Exception as error:
        if os.environ.get("LUFTROM_TRACEBACK"):
            raise
        tell(f"a defect of Luftrom: {type(error).__name__}: {error} "
             "(LUFTROM_TRACEBACK=1 shows where)")
        return DEFECT


def exit_code(error: LuftromError) -> int:
    """The exit code of a refusal; see EXIT_CODES."""
    from luftrom.errors import BadInput, TooLarge

    if isinstance(error, BadInput | TooLarge):
        return USAGE
    return NO_ANSWER if error.status in (502, 503, 504) else NO


def tell(message: str) -> None:
    """One line on standard error; red on a terminal."""
    from luftrom.cli.terminal import clean, has_colour

    mark = click.style("luftrom:", fg="red", bold=True) if has_colour(sys.stderr) else "luftrom:"
    click.echo(f"{mark} {clean(message).strip()}", err=True, color=True)
