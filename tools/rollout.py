"""Deploys a package's stacks in order, each with the outputs of the stacks before it."""

from collections.abc import Mapping
from typing import Protocol

from tools.finalise import expand
from tools.package import Package
from tools.template.keeping import Deployed, grown
from tools.template.stacks import AREAS, INSTALLATION, Template


class Account(Protocol):
    """The part of CloudFormation that a roll-out needs; stacks have their full names."""

    def deploy(self, stack: str, template: Template, parameters: Mapping[str, str]) -> dict[str, str]:
        """Create or update a stack; return its outputs."""

    def deployed(self, stack: str) -> Deployed | None:
        """A stack as it is now, or None."""

    def delete(self, stack: str) -> None:
        """Delete a stack, if it is there."""


def roll_out(package: Package, installation: str, data: Mapping[str, str], account: Account) -> dict[str, str]:
    """Deploy all of `package`; return the outputs of all stacks.

    Every address answers all the time: a function is removed only when no API calls it any more. So a function may
    move from one area to another, and an area may lose its last function.

    Args:
        package: what `make package` built.
        installation: the prefix of the stacks' names.
        data: the outputs of the data stack.
        account: the account to deploy into.
    """
    known = {INSTALLATION: installation, **data}
    shrinking: list[str] = []

    def deploy(stack: str, template: Template) -> dict[str, str]:
        wanted = package.template(stack).get("Parameters", {})
        return account.deploy(f"{installation}-{stack}", template, {name: known[name] for name in wanted})

    for stack in package.stacks:
        template = package.template(stack)
        before = account.deployed(f"{installation}-{stack}") if stack in AREAS else None
        with_old = grown(template, expand(template), before) if before else None
        if with_old:
            shrinking.append(stack)
        known |= deploy(stack, with_old or template)
    for stack in shrinking:
        deploy(stack, package.template(stack))
    for stack in package.absent:
        account.delete(f"{installation}-{stack}")
    return known
