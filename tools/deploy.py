"""`make deploy STAGE=…`: deploys the data stack and then the package, with SAM and `samconfig.toml`."""

import argparse
import json
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.package import ROOT, Package, PackagingFailed
from tools.previous_release import PreviousRelease
from tools.rollout import roll_out
from tools.template.keeping import Deployed
from tools.template.stacks import Template


class NoSuchStage(Exception):
    """`samconfig.toml` does not describe the stage."""


class NotFinished(Exception):
    """The previous release cannot be removed yet; the message says why."""


@dataclass(frozen=True)
class Stage:
    """A stage of `samconfig.toml`: the environments `<name>-data` and `<name>`."""

    name: str
    data_stack: str
    installation: str
    """The prefix of the other stacks' names."""
    region: str

    @classmethod
    def read(cls, name: str, samconfig: Path) -> "Stage":
        """The stage `name`.

        Raises:
            NoSuchStage: names the stages that exist.
        """
        config = tomllib.loads(samconfig.read_text())
        stages = sorted(key for key in config if f"{key}-data" in config)
        if name not in stages:
            raise NoSuchStage(f"samconfig.toml has no stage {name}; it has {', '.join(stages)}")
        data = config[f"{name}-data"]["deploy"]["parameters"]
        others = config[name]["deploy"]["parameters"]
        return cls(name, data["stack_name"], others["stack_name"], others["region"])

    def client(self, service: str) -> Any:
        """A client of a service in the stage's region."""
        import boto3

        return boto3.client(service, region_name=self.region)  # type: ignore[call-overload]


def sam() -> list[str]:
    """The command that runs SAM: the installed SAM, else one that uv fetches for this run."""
    installed = shutil.which("sam")
    if installed:
        return [installed]
    return [str(Path(sys.executable).with_name("uvx")), "--from", "aws-sam-cli", "sam"]


class SamAccount:
    """The stage's account. SAM uploads the archives, creates the change sets and shows them."""

    def __init__(self, stage: Stage, root: Path) -> None:
        self._stage = stage
        self._root = root
        self._cloudformation = stage.client("cloudformation")

    def deploy_data(self) -> dict[str, str]:
        """Deploy the data stack as `samconfig.toml` says; return its outputs."""
        self._sam("--config-env", f"{self._stage.name}-data")
        return self._outputs(self._stage.data_stack)

    def deploy(self, stack: str, template: Template, parameters: Mapping[str, str]) -> dict[str, str]:
        """Create or update a stack; see `Account.deploy`.

        Raises:
            subprocess.CalledProcessError: SAM refused; it has said why.
        """
        file = self._root / "build" / "deploying.json"
        file.write_text(json.dumps(template))
        given = [f'{name}="{value}"' for name, value in parameters.items()]
        overridden = ["--parameter-overrides", *given] if given else []
        self._sam(
            *("--config-env", self._stage.name),
            *("--stack-name", stack),
            *("--template-file", str(file)),
            *overridden,
        )
        return self._outputs(stack)

    def deployed(self, stack: str) -> Deployed | None:
        """A stack as it is now; see `Account.deployed`."""
        return Deployed.read(self._cloudformation, stack) if self._described(stack) else None

    def delete(self, stack: str) -> None:
        """Delete a stack; see `Account.delete`."""
        if self._described(stack):
            self._cloudformation.delete_stack(StackName=stack)
            self._cloudformation.get_waiter("stack_delete_complete").wait(StackName=stack)

    def _sam(self, *arguments: str) -> None:
        base = [*sam(), "deploy", "--config-file", str(self._root / "samconfig.toml")]
        subprocess.run([*base, *arguments], cwd=self._root, check=True)

    def _outputs(self, stack: str) -> dict[str, str]:
        described = self._described(stack) or {}
        return {output["OutputKey"]: output["OutputValue"] for output in described.get("Outputs", [])}

    def _described(self, stack: str) -> dict[str, Any] | None:
        try:
            (described,) = self._cloudformation.describe_stacks(StackName=stack)["Stacks"]
        except self._cloudformation.exceptions.ClientError as error:
            if "does not exist" in str(error):
                return None
            raise
        return dict(described)


def deploy(stage: Stage, root: Path) -> dict[str, str]:
    """Deploy all stacks, and stop the schedules of a release before areas; return the outputs of all stacks.

    Raises:
        subprocess.CalledProcessError: SAM refused; it has said why.
    """
    account = SamAccount(stage, root)
    outputs = roll_out(Package(root / "build"), stage.installation, account.deploy_data(), account)
    previous = PreviousRelease(stage.installation, stage.client)
    if previous.exists():
        previous.quiet()
        print(
            f"{stage.installation} is from an older release and still answers. See docs/operations.md, Updating."
        )
    return outputs


def retire(stage: Stage) -> None:
    """Remove the stack of a release before areas.

    Raises:
        NotFinished: it still has messages or executions, or a subscriber would get no more alerts.
    """
    previous = PreviousRelease(stage.installation, stage.client)
    if not previous.exists():
        return
    core = stage.client("cloudformation").describe_stacks(StackName=f"{stage.installation}-core")["Stacks"][0]
    outputs = {output["OutputKey"]: output["OutputValue"] for output in core["Outputs"]}
    unheard = [
        f"{subscriber} is not subscribed to the new alerts"
        for subscriber in previous.unheard(outputs["StaffAlertsTopic"])
    ]
    if found := [*previous.unfinished(), *unheard]:
        raise NotFinished("\n".join(found))
    previous.remove()


def main() -> None:
    """Deploy the package, or remove the stack of a release before areas."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--stage", required=True)
    parser.add_argument("--retire", action="store_true", help="remove the one stack of a release before areas")
    options = parser.parse_args()
    try:
        stage = Stage.read(options.stage, ROOT / "samconfig.toml")
        if options.retire:
            retire(stage)
            return
        deployed = deploy(stage, ROOT)
    except (NoSuchStage, NotFinished, PackagingFailed) as error:
        raise SystemExit(str(error)) from error
    except subprocess.CalledProcessError as error:
        raise SystemExit(error.returncode) from error
    print("\n".join(addresses(deployed)))


def addresses(outputs: Mapping[str, str]) -> list[str]:
    """The API's address if it has a domain, else one address for each REST API."""
    if "ApiUrl" in outputs:
        target = outputs["ApiDomainTarget"]
        return [f"The API is {outputs['ApiUrl']}; its name must lead to {target}"]
    found = sorted(value for name, value in outputs.items() if name.startswith("RestAPI") and name.endswith("Url"))
    return [f"A REST API is {address}" for address in found] + [
        "Give the data stack ApiDomain to have them under one"
    ]


if __name__ == "__main__":
    main()
