"""`tasuki`: the group of all commands, and the one place where an error becomes a message and an exit code.

A command's module is imported when it is called, so that `tasuki --help` stays fast. `docs/cli.md` describes every
command and the exit codes.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from types import MappingProxyType
from typing import Any

import click

from connector.cli.begin import INTERRUPTED, begun
from connector.errors import PolicyError, RetryableError, TasukiError, UsageError
from connector.texts import LANGUAGES, language_of, say, shown, speaking

EXIT_CODES: Mapping[type[TasukiError], int] = MappingProxyType({UsageError: 3, PolicyError: 4, RetryableError: 5})
"""By who must act; every other error of ours means that something was refused: 6."""
REFUSED = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One command: the module whose object `command` it is, and its line in `tasuki --help`."""

    module: str
    help: str


COMMANDS: Mapping[str, Entry] = MappingProxyType(
    {
        "init": Entry(module="init", help="Copy a shipped policy into a folder, to make it yours."),
        "demo": Entry(module="demo", help="Run the whole relay on a sandbox and prove the result."),
        "up": Entry(module="up", help="Keep sandbox, service and worker running to play with."),
        "serve": Entry(module="serve", help="Run the webhook service."),
        "work": Entry(module="work", help="Run a worker: read, decide, write back."),
        "migrate": Entry(module="migrate", help="Bring the database's schema up to date."),
        "sandbox": Entry(module="sandbox", help="Run a stand-in HubSpot or Salesforce on this machine."),
        "check": Entry(module="check", help="Check a policy and show every error at once."),
        "schema": Entry(module="schema", help="Print the JSON Schema of a policy's files."),
        "reference": Entry(module="reference", help="Write the reference of the policy language."),
        "print": Entry(module="print", help="Print the agreement or the reps' manual from the policy."),
        "connect": Entry(module="connect", help="Connect the portal and bring it in line with the policy."),
        "doctor": Entry(module="doctor", help="Check what runs here and in the CRMs, each line with its remedy."),
        "plan": Entry(module="plan", help="Show what a policy would change on the whole base; nothing is written."),
        "backtest": Entry(module="backtest", help="Replay what happened under another policy."),
        "activate": Entry(module="activate", help="Let a policy run, alone or beside others."),
        "deactivate": Entry(module="deactivate", help="Let one of several policies rest."),
        "trial": Entry(module="trial", help="Compare a trial with the rest; what rules in shadow would do."),
        "versions": Entry(module="versions", help="List every policy that ran here."),
        "rollback": Entry(module="rollback", help="Make the policy that ran before the running one again."),
        "diff": Entry(module="diff", help="Show what two policies say differently."),
        "explain": Entry(module="explain", help="Tell why a lead has its score, stage and tasks."),
        "announce": Entry(module="announce", help="Tell that something has come which leads were waiting for."),
        "announcements": Entry(module="announcements", help="List what was announced, and who still waits for it."),
        "secret": Entry(module="secret", help="Set, list and unset addresses of channels and other secrets."),
        "notices": Entry(module="notices", help="List notices, and send parked ones again."),
        "people": Entry(module="people", help="Who may own leads: absences, weights, capacities."),
        "routing": Entry(module="routing", help="What pools gave to whom, and why others were skipped."),
        "report": Entry(module="pool_report", help="Print what a pool made of its leads in a week."),
        "queue": Entry(module="queue", help="Print a call list in its order, with reasons, dues and owners."),
        "sla": Entry(module="sla", help="How promises are kept: what runs now, and what a period came to."),
        "quota": Entry(module="quota", help="The CRM's API calls of today: ours, other apps', the forecast."),
        "reconcile": Entry(module="reconcile", help="Look through the CRM for what no event told of."),
        "drift": Entry(module="drift", help="List what differed from what should be, why, and what was done."),
        "erase": Entry(module="erase", help="Forget a person for ever."),
        "tombstones": Entry(module="tombstones", help="Keep who was erased beside backups; erase them again."),
        "export-subject": Entry(module="export_subject", help="Write everything that is held on a person to a file."),
        "identity": Entry(module="identity", help="List and answer pairs of people who may be one in two CRMs."),
        "inbox": Entry(module="inbox", help="List, show and retry deliveries that wait or are parked."),
        "outbox": Entry(module="outbox", help="List reads and writes that are outstanding."),
        "parked": Entry(module="parked", help="List, retry and drop what waits for a person."),
    }
)
"""Every command, in the order of `tasuki --help`."""


class Tasuki(click.Group):
    """The group of commands, each imported when needed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in the order in which a newcomer meets them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command's module and return its object `command`."""
        entry = COMMANDS.get(cmd_name)
        if entry is None:
            return None
        found: click.Command = importlib.import_module(f"connector.cli.{entry.module}").command
        begun()
        return found

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """A command that does not exist is told with the one that is spelt most like it."""
        if args[0] not in COMMANDS and not args[0].startswith("-"):
            from difflib import get_close_matches  # only who misspells needs it

            near = get_close_matches(args[0], COMMANDS, n=1)
            hint = say(" Did you mean `{nearest}`?", nearest=near[0]) if near else ""
            ctx.fail(shown(say("No such command {name!r}.{hint}", name=args[0], hint=hint)))
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.help) for name, entry in COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; an expected error becomes its message and its exit code, never a traceback."""
        with speaking(ctx.params.get("lang") or language_of(os.environ)):
            try:
                return super().invoke(ctx)
            except TasukiError as error:
                later = isinstance(error, RetryableError)
                again = say(" Nothing is lost: run the command again later.") if later else ""
                click.echo(f"tasuki: {shown(error.message)}{shown(again)}", err=True)
                ctx.exit(exit_code(error))
            except OSError as error:
                if error.filename is None:
                    raise
                told = say("{path} cannot be used ({strerror}).", path=error.filename, strerror=error.strerror)
                click.echo(f"tasuki: {shown(told)}", err=True)
                ctx.exit(EXIT_CODES[UsageError])
            except KeyboardInterrupt:
                click.echo(f"tasuki: {shown(say('interrupted'))}", err=True)
                ctx.exit(INTERRUPTED)


def exit_code(error: TasukiError) -> int:
    """The exit code that docs/cli.md promises for this kind of error."""
    return next((code for kind, code in EXIT_CODES.items() if isinstance(error, kind)), REFUSED)


def _version() -> str:
    try:
        return version("tasuki")
    except PackageNotFoundError:  # run from the source tree without being installed
        return "unknown"


@click.group(
    cls=Tasuki, context_settings={"help_option_names": ["-h", "--help"]}, epilog="Each command has its own --help."
)
@click.version_option(_version(), prog_name="tasuki")
@click.option(
    "--lang", type=click.Choice(LANGUAGES), help="Language of what is said; else TASUKI_LANG or the locale's."
)
def main(lang: str | None) -> None:
    """Tasuki carries leads from marketing to inside sales to field sales, beside your CRM."""
