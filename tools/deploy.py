"""`make deploy STAGE=…`: deploys the data stack and then the package, with SAM and the root `samconfig.toml`."""

import argparse
import shutil
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

from tools.package import ROOT


class NoSuchStage(Exception):
    """`samconfig.toml` does not describe the stage."""


@dataclass(frozen=True)
class Stage:
    """A stage of `samconfig.toml`: the environments `<name>-data` and `<name>`."""

    name: str
    data_stack: str
    app_stack: str
    region: str

    @classmethod
    def read(cls, name: str, samconfig: Path) -> "Stage":
        """The stage `name`.

        Raises:
            NoSuchStage: names the stages that there are.
        """
        config = tomllib.loads(samconfig.read_text())
        stages = sorted(key for key in config if f"{key}-data" in config)
        if name not in stages:
            raise NoSuchStage(f"samconfig.toml has no stage {name}; it has {', '.join(stages)}")
        data = config[f"{name}-data"]["deploy"]["parameters"]
        app = config[name]["deploy"]["parameters"]
        return cls(name, data["stack_name"], app["stack_name"], app["region"])


def sam() -> list[str]:
    """The command that runs SAM: the installed one, else one that uv fetches for this run."""
    installed = shutil.which("sam")
    if installed:
        return [installed]
    return [str(Path(sys.executable).with_name("uvx")), "--from", "aws-sam-cli", "sam"]


def outputs(stack: str, region: str) -> dict[str, str]:
    """The outputs of a deployed stack."""
    import boto3

    client = boto3.client("cloudformation", region_name=region)
    (described,) = client.describe_stacks(StackName=stack)["Stacks"]
    return {output["OutputKey"]: output["OutputValue"] for output in described.get("Outputs", [])}


def deploy(stage: Stage, root: Path) -> dict[str, str]:
    """Deploy both stacks; the outputs of the application's.

    Raises:
        subprocess.CalledProcessError: SAM refused; it has said why.
    """
    base = [*sam(), "deploy", "--config-file", str(root / "samconfig.toml")]
    subprocess.run([*base, "--config-env", f"{stage.name}-data"], cwd=root, check=True)
    parameters = [f"{name}={_quoted(value)}" for name, value in outputs(stage.data_stack, stage.region).items()]
    overridden = ["--config-env", stage.name, "--parameter-overrides", *parameters]
    subprocess.run([*base, *overridden], cwd=root, check=True)
    return outputs(stage.app_stack, stage.region)


def _quoted(value: str) -> str:
    """As SAM's own little parser of `Name=Value` wants values with blanks."""
    return f'"{value}"'


def main() -> None:
    """Deploy what `make package` built."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--stage", required=True)
    options = parser.parse_args()
    if not (ROOT / "build" / "template.json").exists():
        raise SystemExit("There is no package yet: make package")
    try:
        deployed = deploy(Stage.read(options.stage, ROOT / "samconfig.toml"), ROOT)
    except NoSuchStage as error:
        raise SystemExit(str(error)) from error
    except subprocess.CalledProcessError as error:
        raise SystemExit(error.returncode) from error
    print(f"The API is {deployed.get('EndpointURL', 'not part of this package')}")


if __name__ == "__main__":
    main()
