"""The commands, one module each; `register` hangs them on the root."""

import typer

from api.cli.commands import (
    agreement,
    demo,
    detect,
    evaluate,
    home,
    ingest,
    line,
    locate,
    notices,
    quarantine,
    reanalyse,
    report,
    sensors,
    serve,
    simulate,
    status,
)


def register(app: typer.Typer) -> None:
    """Add every command, in the order the help lists them."""
    app.command("demo")(demo.demo)
    app.command("init")(home.init)
    home.line_app.command("check")(line.check_line)
    home.line_app.command("show")(line.show_line)
    app.add_typer(home.line_app, name="line")
    app.add_typer(agreement.app, name="agreement")
    app.add_typer(notices.app, name="notices")
    app.add_typer(sensors.app, name="sensors")
    app.command("ingest")(ingest.ingest)
    app.command("detect")(detect.detect)
    app.command("locate")(locate.locate)
    app.command("reanalyse")(reanalyse.reanalyse)
    app.command("report")(report.report)
    app.command("serve")(serve.serve)
    app.command("simulate")(simulate.simulate)
    app.command("evaluate")(evaluate.evaluate)
    app.command("status")(status.status)
    app.add_typer(quarantine.app, name="quarantine")
