"""The command line: one table of commands, loaded when called, and one place where errors become exit codes.

Settings come, in this order, from the option, its environment variable (``TONEARM_PUBLISH_JOBS`` for
``tonearm publish --jobs``), its line in ``tonearm.toml``, its default:

    [publish]
    to = "s3://music/catalogue?endpoint=http://127.0.0.1:8333"
    jobs = 4

The file is ``--config``, else ``tonearm.toml`` in the working folder, else the one in TONEARM_HOME.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
from importlib import import_module
from pathlib import Path
from types import FrameType
from typing import Any

import click

from commands.context import Context
from media.errors import SettingsError, TonearmError
from media.text import one_line

# name → where it lives, and what `tonearm --help` says of it without importing it
COMMANDS = {
    "probe": ("ingest.commands:probe", "What a master really is, and whether it can be published."),
    "publish": ("commands.publish:publish", "Masters in, four protected renditions in a store out."),
    "package": ("commands.package:package", "What is encoded already: cut, protected, described."),
    "bucket": ("commands.bucket:bucket", "What an S3 bucket needs once: to be there, a policy, tidying."),
    "sync": ("commands.sync:sync", "Presentations from one store to another."),
    "verify": ("packager.commands:verify", "Check a presentation from outside, down to the last sample."),
    "inspect": ("packager.commands:inspect", "What a file is made of: boxes, manifests, streams."),
    "serve": ("commands.serve:serve", "Origin, edge, API and player page in one process."),
    "origin": ("origin.commands:origin", "The origin alone."),
    "edge": ("edge_sim.edge.commands:edge", "A caching edge in front of an origin."),
    "warm": ("edge_sim.fleet.commands:warm", "Songs into the memory of edges, before anybody asks."),
    "purge": ("edge_sim.fleet.commands:purge", "Songs or paths out of the memory of edges."),
    "edge-config": (
        "commands.edge_config:edge_config",
        "A configuration of nginx, Varnish or CloudFront before an origin.",
    ),
    "api": ("control_api.commands:api", "The control API alone."),
    "play": ("edge_sim.player.commands:play", "A virtual player: the waterfall of a start."),
    "crowd": ("edge_sim.crowd.commands:crowd", "Thousands of virtual listeners, and what they noticed."),
    "simulate": (
        "edge_sim.simulator.commands:simulate",
        "What caches of given sizes would do for a service of given shape.",
    ),
    "sign": ("origin.signing.commands:sign", "An address or cookies that open a song for a while."),
    "keys": ("drm.commands:keys", "Content keys: create, list, show, export, import, fetch."),
    "speke": ("drm.speke.commands:speke", "A small SPEKE key server, for packagers that ask for keys."),
    "doctor": ("commands.doctor:doctor", "What is installed, which ffmpeg, what is missing."),
}


class Commands(click.Group):
    """A group that imports a command only when it is called: ``--help`` costs no numpy and no boto3."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(import_module(module), name)
        name_variables(command, f"TONEARM_{cmd_name.replace('-', '_')}")
        return command

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            # The reader of our pipe left (`tonearm … | head`): no traceback, and none at interpreter exit either.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(141)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in COMMANDS.items()])


def spelled(parameter: click.Parameter) -> str:
    """How people know a parameter: by its long option, whatever our code calls it."""
    return max(parameter.opts, key=len).lstrip("-").replace("-", "_")


def name_variables(command: click.Command, prefix: str) -> None:
    """Give every option its environment variable: ``TONEARM_PUBLISH_JSON`` for ``tonearm publish --json``."""
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            parameter.envvar = f"{prefix}_{spelled(parameter)}".upper()
    if isinstance(command, click.Group):
        for name, nested in command.commands.items():
            name_variables(nested, f"{prefix}_{name}")


def settled(command: click.Command, table: Any, file: Path, place: str) -> dict[str, Any]:
    """A table of tonearm.toml by the names of our parameters. A misspelt line is an error, not a silence."""
    if not isinstance(table, dict):
        raise SettingsError(f"{file}: [{place}] is not a table")
    known = {spelled(each): each for each in command.params if isinstance(each, click.Option)}
    nested = command.commands if isinstance(command, click.Group) else {}
    values: dict[str, Any] = {}
    for name, value in table.items():
        option = known.get(name)
        if name in nested:
            values[name] = settled(nested[name], value, file, f"{place}.{name}")
        elif option is None:
            raise SettingsError(f"{file}: [{place}] has no option {name!r}")
        elif isinstance(value, list) != option.multiple or isinstance(value, dict):
            expected = "a list" if option.multiple else "one value"
            raise SettingsError(f"{file}: [{place}] {name}: {expected} expected")
        else:
            values[str(option.name)] = value
    return values


def read_settings(path: Path) -> dict[str, Any]:
    """The settings file as click's ``default_map``. Option names may be written with ``-`` or ``_``."""
    import tomllib

    try:
        document = tomllib.loads(path.read_text())
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: {error}") from None
    if unknown := sorted(set(document) - set(COMMANDS)):
        raise SettingsError(f"{path}: no command is named {unknown[0]!r}")
    return {name: _underscored(table) for name, table in document.items()}


def _underscored(value: Any) -> Any:
    if isinstance(value, dict):
        return {name.replace("-", "_"): _underscored(item) for name, item in value.items()}
    return value


def find_settings(given: Path | None, home: Path) -> Path | None:
    if given is not None:
        return given
    return next((path for path in (Path("tonearm.toml"), home / "tonearm.toml") if path.is_file()), None)


def default_home() -> Path:
    from platformdirs import user_data_path

    return user_data_path("tonearm", appauthor=False)


@click.group(
    cls=Commands,
    context_settings={
        "auto_envvar_prefix": "TONEARM",
        "help_option_names": ["-h", "--help"],
        "max_content_width": 100,
    },
    epilog="Every option has its environment variable (TONEARM_PUBLISH_TO for `publish --to`, TONEARM_HOME) and every "
    "command's option its line in tonearm.toml.",
)
@click.option(
    "--home",
    type=click.Path(path_type=Path, file_okay=False),
    default=default_home,
    help="Keys, accounts, settings and journals.  [default: ~/.local/share/tonearm]",
)
@click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The settings file.  [default: tonearm.toml in the working folder, else in the home]",
)
@click.option(
    "--ffmpeg", type=click.Path(), help="The ffmpeg to run.  [default: the one on PATH, else the wheel's]"
)
@click.version_option(package_name="tonearm", message="tonearm %(version)s")
@click.pass_context
def root(ctx: click.Context, home: Path, config: Path | None, ffmpeg: str | None) -> None:
    """Tonearm: from master to first note in under 200 ms."""
    settings = find_settings(config, home)
    if settings is not None:
        ctx.default_map = read_settings(settings)
        called = ctx.invoked_subcommand
        if called in ctx.default_map and (command := root.get_command(ctx, called)) is not None:
            ctx.default_map[called] = settled(command, ctx.default_map[called], settings, called)
    ctx.obj = Context(
        home=home,
        ffmpeg_override=ffmpeg,
        config=settings,
        master_key=os.environ.get("TONEARM_MASTER_KEY"),
        token_key=os.environ.get("TONEARM_TOKEN_KEY"),
    )


def end(number: int, frame: FrameType | None) -> None:
    """End as Ctrl-C does. While asyncio runs, it has a handler for that which cancels our work between two steps of it; a
    `KeyboardInterrupt` raised here would strike in the middle of one."""
    handler = signal.getsignal(signal.SIGINT)
    if not callable(handler):  # a script's background job ignores Ctrl-C
        raise KeyboardInterrupt
    handler(signal.SIGINT, frame)


def main() -> None:
    """Run the command line; every error of our own is one line on standard error and its exit code."""
    # Asked to end, we unwind as for Ctrl-C: encoders stop, temporary folders go. Servers have handlers of their own.
    signal.signal(signal.SIGTERM, end)
    # We multiply no matrices. numpy's BLAS starts a thread for every core when it is imported: 60 ms of CPU.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # An import makes thousands of objects that stay: to look for garbage after every 700 of them is a tenth of a short command.
    gc.set_threshold(50_000)
    try:
        status = root.main(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except TonearmError as error:
        click.echo(one_line(f"tonearm: {error}"), err=True)
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)
    except OSError as error:
        # The home on a full or read-only disk, an output that nobody may write: no bug of ours, so no traceback.
        place = f"{error.filename}: " if error.filename is not None else ""
        click.echo(one_line(f"tonearm: {place}{error.strerror or error}"), err=True)
        sys.exit(1)
    sys.exit(status if isinstance(status, int) else 0)


if __name__ == "__main__":
    main()
