"""The `replicator` command: its commands by name, and how every failure is told.

Only click is imported here, so that `replicator --help` answers at once; a command's module is imported when
the command is asked for.
"""

from __future__ import annotations

import importlib
import os
import sys
import traceback
from collections.abc import Sequence
from dataclasses import dataclass

import click
from click.exceptions import NoArgsIsHelpError

from replicator import __version__
from replicator.cli.failures import DEBUG, in_words, printable
from replicator.errors import ReplicatorError

EXIT_INTERRUPTED = 130
"""128 + SIGINT, as shells report it."""


@dataclass(frozen=True)
class Entry:
    """One command: where it lives and what it does."""

    module: str
    attribute: str
    summary: str


COMMANDS = {
    "list": Entry("show", "list_", "List experiments, theories, references or models."),
    "show": Entry("show", "show", "Show an experiment's design and its exact prompts."),
    "validate": Entry("validate", "validate", "Check specifications, studies, mappings and references."),
    "run": Entry("run", "run", "Run an experiment: collect, estimate, compare and report."),
    "collect": Entry("run", "collect", "Only collect an experiment's choices."),
    "import": Entry("importing", "import_", "Make recorded choices of people or models a run."),
    "estimate": Entry("stages", "estimate", "Estimate a run's parameters from its choices."),
    "compare": Entry("stages", "compare", "Set a run's estimates beside people; write results.json."),
    "report": Entry("stages", "report", "Write the report of one run or of several side by side."),
    "recover": Entry("recover", "recover", "Tell whether known persons come out of a design again."),
    "audit": Entry("audit", "audit", "Tell what a design can tell, before anybody is asked."),
    "doctor": Entry("doctor", "doctor", "Tell whether a model's answers can be believed."),
    "study": Entry("study", "study", "Run many experiments on many models; `study demo` is the demo."),
}

EPILOG = """\b
Exit codes: 0 done; 1 failed at run time, or one model of a study failed;
2 the command line, an unknown experiment, study or participant;
3 a specification, study, mapping or reference is wrong, or a mapped column
is missing; 4 an unreadable model or file, impossible values, a folder that
holds another run; 5 a gate failed (--strict, doctor); 130
interrupted."""


class LazyGroup(click.Group):
    """A group that lists its commands from `COMMANDS` and imports only the one that is run."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        entry = COMMANDS.get(cmd_name)
        if entry is None:
            return None
        module = importlib.import_module(f"replicator.cli.{entry.module}")
        command: click.Command = getattr(module, entry.attribute)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name not in COMMANDS and not name.startswith("-"):
            raise click.UsageError(_unknown_command(name), ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.summary) for name, entry in COMMANDS.items()])


@click.group(cls=LazyGroup, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="replicator")
def cli() -> None:
    """Behavioural-economics experiments on language models, set beside people with honest uncertainty.

    Start with `replicator list experiments`, then `replicator run holt-laury`.
    """


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit. A mistake is a line on stderr and an exit code, never a traceback."""
    sys.exit(_status(arguments))


def _status(arguments: Sequence[str] | None) -> int:
    try:
        status = cli.main(
            args=None if arguments is None else list(arguments), prog_name="replicator", standalone_mode=False
        )
        sys.stdout.flush()
        return status if isinstance(status, int) else 0
    except ReplicatorError as error:
        for line in str(error).splitlines():
            _say(f"error: {line}")
        return error.exit_code
    except click.Abort:
        _say("interrupted: what was collected is kept; the same command resumes.")
        return EXIT_INTERRUPTED
    except NoArgsIsHelpError as error:
        error.show()
        return error.exit_code
    except click.ClickException as error:
        words = " ".join(error.format_message().split())
        _say(f"error: {words}{'' if words.endswith(('.', '?', ')')) else '.'}{_where_to_read(error)}")
        return error.exit_code
    except BrokenPipeError:
        # The reader of a pipe went away (`replicator list models | head`): nothing more can be said.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:
        if os.environ.get(DEBUG):
            traceback.print_exc()
        else:
            _say(f"error: {in_words(error)}")
        return 1


def _where_to_read(error: click.ClickException) -> str:
    context = getattr(error, "ctx", None)
    return f" See `{context.command_path} --help`." if isinstance(context, click.Context) else ""


def _unknown_command(name: str) -> str:
    import difflib

    close = difflib.get_close_matches(name, COMMANDS, n=2)
    advice = f" Did you mean {' or '.join(close)}?" if close else ""
    return f"There is no command {name!r}.{advice}"


def _say(line: str) -> None:
    click.echo(printable(line), err=True)
