"""Asking a person, or not: without a terminal every question has its proposed answer, or the command ends.

All of it goes to standard error: standard output is for what `--print` shows.
"""

from __future__ import annotations

from dataclasses import dataclass

import typer
from pydantic import SecretStr

from sluice_cli.failure import Failure
from sluice_cli.words import clean


@dataclass(frozen=True)
class Talk:
    """`interactive`: somebody sits there; `accept`: what is proposed is taken without a question."""

    interactive: bool
    accept: bool

    def say(self, text: str) -> None:
        """A line of its own."""
        typer.echo(clean(text), err=True)

    def agree(self, question: str, *, default: bool = True) -> bool:
        """Yes or no; the default where nobody is asked."""
        if self.accept:
            self.say(f"{question} {'yes' if default else 'no'}")
            return default
        return typer.confirm(clean(question), default=default, err=True)

    def ask(self, question: str, default: str) -> str:
        """A line; an empty one is the default."""
        return str(typer.prompt(clean(question), default=default, show_default=bool(default), err=True)).strip()

    def secret(self, question: str) -> SecretStr | None:
        """A line that is not shown; None for an empty one."""
        typed = str(typer.prompt(clean(question), default="", hide_input=True, show_default=False, err=True))
        return SecretStr(typed) if typed else None

    def give_up(self, why: str) -> None:
        """Raise Failure where nobody can be asked again; else say why and go on."""
        if not self.interactive:
            raise Failure(f"{why}; nothing was written")
        self.say(f"! {why}")
