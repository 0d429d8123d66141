"""First credentials, shown once, where a newcomer sees them."""

from rich.panel import Panel
from rich.table import Table

from api.cli.output import console
from monitoring.bootstrap import Credentials


def show_credentials(credentials: Credentials) -> None:
    """Print the one-time credentials; they are kept nowhere."""
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_column(style="bold cyan")
    table.add_column()
    for name, secret in credentials.secrets.items():
        table.add_row(name, secret)
    console.print(
        Panel(
            table,
            title="one-time credentials, shown only now",
            border_style="yellow",
            expand=False,
        )
    )
    console.print("each person sets an own passphrase at the first sign-in", style="dim")
    console.print("ingest token, to deliver events over HTTP:")
    console.print(credentials.ingest_token, soft_wrap=True)
