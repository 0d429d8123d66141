"""The commands, one module each; the table says where each is and what the help of the root says of it."""

from typing import Final

from api.cli.lazy import LazyGroup, Named

COMMANDS: Final = {
    "demo": Named(
        "api.cli.commands.demo:demo",
        "Simulate a day, feed it through the door, detect, file cases, compare with the truth, write the report, "
        "serve.",
    ),
    "init": Named(
        "api.cli.commands.home:init",
        "Make a home on a mission's own line and agreement; without options on the shipped ones.",
    ),
    "ingest": Named(
        "api.cli.commands.ingest:ingest",
        "Feed event files into the home, or into the server that holds it, and wait for what they lead to.",
    ),
    "detect": Named(
        "api.cli.commands.detect:detect",
        "Find crossings, incursions and fire in event files; all findings are final at the end of input.",
    ),
    "locate": Named(
        "api.cli.commands.locate:locate",
        "Tell side, geodesic distance, chainage, foot point, sector and zones of every place in a file.",
    ),
    "reanalyse": Named(
        "api.cli.commands.reanalyse:reanalyse",
        "Judge archived events anew and show what would change; nothing published is touched without `--apply`.",
    ),
    "report": Named(
        "api.cli.commands.report:report",
        "Write the daily violation report of the period that ends on a date (19:30 to 19:30 mission time by default).",
    ),
    "serve": Named("api.cli.commands.serve:serve", "Serve API and workspace of the home until interrupted."),
    "simulate": Named(
        "api.cli.commands.simulate:simulate",
        "Simulate sensors, drones and actors along the line; a scenario is a short YAML file.",
    ),
    "evaluate": Named(
        "api.cli.commands.evaluate:evaluate",
        "Score the findings and incidents of the home against what really happened in a simulation.",
    ),
    "status": Named(
        "api.cli.commands.status:status",
        "Show what the home holds, who writes to it, and whether anything waits or is broken.",
    ),
    "line": Named("api.cli.commands.line:app", "The contact line and its versions."),
    "agreement": Named("api.cli.commands.agreement:app", "The agreement: clauses, permits and dated values."),
    "notices": Named(
        "api.cli.commands.notices:app",
        "What the mission was told: crossing points, works, convoys, exercises.",
    ),
    "sensors": Named("api.cli.commands.sensors:app", "The registry of sensors."),
    "quarantine": Named(
        "api.cli.commands.quarantine:app",
        "Refused rows: kept with reason, line number and original bytes.",
    ),
}
"""In the order in which the help lists them; the test of usage holds them against what the commands say themselves."""


class Commands(LazyGroup):
    """The root's commands."""

    named = COMMANDS
