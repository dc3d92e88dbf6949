"""The demo's output: colours and a spinner on a terminal, plain lines in a pipe."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.status import Status
from rich.table import Table

_PIPE_WIDTH = 110
_INDENT = 3
_WORTH_TELLING_SECONDS = 1.0


def _console() -> Console:
    console = Console(highlight=False, soft_wrap=True)
    return console if console.is_terminal else Console(highlight=False, soft_wrap=True, width=_PIPE_WIDTH)


@dataclass
class Screen:
    """Prints a journey step by step."""

    console: Console = field(default_factory=_console)
    step_title: str = ""
    _number: int = 0
    _status: Status | None = None

    def headline(self, text: str) -> None:
        """Print the first line."""
        self.console.print(f"[bold]{escape(text)}[/bold]")

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        """Show a step: its lines follow its title, and a spinner turns below them until the step ends."""
        self._number += 1
        self.step_title = title
        self.console.print(f"\n[bold cyan]{self._number:>2}[/bold cyan] [bold]{escape(title)}[/bold]")
        watch = Stopwatch()
        with self.console.status("", spinner="dots") as self._status:
            yield
        self._status = None
        if watch.seconds >= _WORTH_TELLING_SECONDS:
            self.console.print(f"   [dim]{watch.seconds:.1f} s[/dim]")

    def waiting(self, text: str) -> None:
        """Set the spinner's text during a wait; nothing is shown in a pipe."""
        if self._status:
            self._status.update(f"[dim]{escape(text)}[/dim]")

    def say(self, text: str) -> None:
        """Print a line of the step."""
        self.console.print(f"   {escape(text)}")

    def done(self, text: str) -> None:
        """Print a check that succeeded."""
        self.console.print(f"   [green]✓[/green] {escape(text)}")

    def event(self, at: datetime, type_: str, text: str) -> None:
        """Print a line of a timeline."""
        colour = _EVENT_COLOURS.get(type_, "default")
        kind = escape(f"{type_:<13}")
        self.console.print(f"   [dim]{at:%H:%M:%S}[/dim]  [{colour}]{kind}[/{colour}] {escape(text)}")

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[str]], footer: Sequence[str] = ()) -> None:
        """Print rows under headings; numbers are aligned to the right."""
        table = Table(box=None, padding=(0, 2, 0, 0), show_footer=bool(footer), header_style="dim")
        for position, column in enumerate(columns):
            right = all(_is_number(row[position]) for row in rows)
            table.add_column(column, footer[position] if footer else "", justify="right" if right else "left")
        for row in rows:
            table.add_row(*map(escape, row))
        self.console.print(Padding(table, (0, 0, 0, _INDENT), expand=False))

    def success(self, text: str) -> None:
        """Print the last line of a successful journey."""
        self.console.print(f"\n[bold green]✓ {escape(text)}[/bold green]")

    def failure(self, wanted: str, got: str, hints: Sequence[str]) -> None:
        """Print the failed step, what it expected, what it found, and where to look."""
        self.console.print(f"\n[bold red]✗ step {self._number} failed: {escape(self.step_title)}[/bold red]")
        self.console.print(f"   wanted  {escape(wanted)}\n   got     {escape(got)}")
        for hint in hints:
            self.console.print(f"   {escape(hint)}")


class Stopwatch:
    """Measures the seconds since it was made."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    @property
    def seconds(self) -> float:
        """The seconds since it was made."""
        return time.monotonic() - self._began


_EVENT_COLOURS = {"active": "green", "deleted": "green", "failed": "red", "requested": "cyan", "deleting": "cyan"}


def _is_number(text: str) -> bool:
    return text.lstrip("-$").replace(".", "", 1).replace(",", "").isdigit()
