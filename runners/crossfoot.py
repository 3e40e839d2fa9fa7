"""The `crossfoot` command: which commands there are. What each does is in `runners/commands`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from runners.commands import close, erp, exceptions, export, mapping, periods, policy, run, schemas
from runners.commands.catalog import catalog, show_impact
from runners.commands.deliver import deliver
from runners.commands.demo import demo
from runners.commands.doctor import doctor
from runners.commands.dump import dump
from runners.commands.generate import generate
from runners.commands.migrate import migrate
from runners.commands.preview import preview
from runners.commands.publish import publish
from runners.commands.run_close import close_period
from runners.commands.serve_metrics import serve_metrics
from runners.commands.serve_webhooks import serve_webhooks
from runners.commands.standing import standing
from runners.commands.tax import tax
from runners.commands.trace import trace
from runners.commands.trial_balance import trial_balance
from runners.display import say
from runners.exit_codes import ExitCode, exit_code_table
from runners.logs import configure_logs
from runners.problems import Findings, Problem


class ReportingGroup(TyperGroup):
    """Turns what a command could not do into two lines on stderr and an exit code."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command that was named."""
        try:
            return super().invoke(ctx)
        except Problem as problem:
            say(f"crossfoot: {problem.what}")
            say(f"to mend: {problem.mend}")
            raise typer.Exit(problem.code) from problem
        except Findings as findings:
            raise typer.Exit(ExitCode.DATA) from findings


app = typer.Typer(
    name="crossfoot",
    cls=ReportingGroup,
    no_args_is_help=True,
    add_completion=False,
    # Tracebacks with local variables would print customers' data.
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
    help=f"""Make CRM, billing, payments and the ERP cross-foot.

Every command takes --json and prints its result to stdout; logs and errors go to stderr.

Exit codes:
{exit_code_table()}

Example:

  crossfoot run order-to-cash --input 'events/*.jsonl' --store sqlite:///books.db
""",
)


@app.callback()
def _before_any_command(
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Log progress to stderr.")
    ] = False,
) -> None:
    configure_logs(verbose=verbose)


app.command("demo")(demo)
app.command("preview")(preview)
app.command("trial-balance")(trial_balance)
app.command("tax")(tax)
app.command("standing")(standing)
app.command("trace")(trace)
app.command("generate")(generate)
app.command("dump")(dump)
app.command("migrate")(migrate)
app.command("doctor")(doctor)
app.command("catalog")(catalog)
app.command("impact")(show_impact)
app.command("deliver")(deliver)
app.command("publish")(publish)
app.command("serve-webhooks")(serve_webhooks)
app.command("serve-metrics")(serve_metrics)
run.app.command("close-period")(close_period)
app.add_typer(run.app, name="run")
app.add_typer(close.app, name="close")
app.add_typer(periods.app, name="periods")
app.add_typer(exceptions.app, name="exceptions")
app.add_typer(erp.app, name="erp")
app.add_typer(export.app, name="export")
app.add_typer(mapping.app, name="mapping")
app.add_typer(policy.app, name="policy")
app.add_typer(schemas.app, name="schemas")


def main() -> None:
    """Run the command line; the entry point of the installed `crossfoot` script."""
    app()


def run_command(words: Sequence[str]) -> int:
    """Run `crossfoot run WORDS…` and return its exit code, for scripts that start one job."""
    try:
        app(args=["run", *words])
    except SystemExit as finished:
        return int(finished.code or 0)
    return ExitCode.OK


if __name__ == "__main__":
    main()
