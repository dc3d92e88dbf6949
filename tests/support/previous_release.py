"""The previous release, deployed by its own tools, for tests of an update."""

import json
import os
import platform
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from dev.localcloud import deploy
from dev.localcloud.awsclient import LocalAws
from dev.localcloud.home import Home, read_json, write_json
from dev.localcloud.stacks import Stacks
from dev.localcloud.supervisor import deployed_addresses
from dev.localcloud.targets import saved_target
from tools.package import ROOT

COMMIT = "d687a6854b6e05712cd81b956f0e6e11c46fe387"
"""The last release with two stacks: one for the data, and one for everything else."""

_DOMAIN = "old.hearth.test"
"""Directs the front door to the old API, because that release had no domain."""


@dataclass(frozen=True)
class PreviousRelease:
    """The files of the release, and the package that its tools made."""

    project: Path
    build: Path

    @classmethod
    def packaged(cls, folder: Path) -> "PreviousRelease":
        """Take the release out of the git history, and package it in `folder`.

        If the history does not have it, the test fails, because the update cannot be tested.
        """
        release = cls(folder / "project", folder / "build")
        for made in (release.project, release.build):
            made.mkdir(parents=True)
        archive = subprocess.run(["git", "archive", COMMIT], cwd=ROOT, capture_output=True, check=False)
        if archive.returncode != 0:
            pytest.fail(f"The clone lacks {COMMIT}; run `git fetch --unshallow`: {archive.stderr.decode()}")
        subprocess.run(["tar", "-x"], cwd=release.project, input=archive.stdout, check=True)
        layers = ROOT / "build" / "layers"
        layers.mkdir(parents=True, exist_ok=True)
        (release.project / "build").mkdir()
        (release.project / "build" / "layers").symlink_to(layers)
        architecture = "arm64" if platform.machine() in {"arm64", "aarch64"} else "x86_64"
        command = [sys.executable, "-m", "tools.package", "--build", str(release.build)]
        packaged = subprocess.run(
            [*command, "--architecture", architecture],
            cwd=release.project,
            env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert packaged.returncode == 0, packaged.stdout + packaged.stderr
        return release

    def deploy_into(self, home: Home) -> None:
        """Deploy it into the bare cloud of `home`, and set up what an operator sets up."""
        aws = LocalAws(read_json(home.endpoints)["aws"]["endpoint"])
        stacks, source = Stacks(aws, self.build), deploy.Source(self.project)
        text = (self.project / "infra" / "data.yaml").read_text()
        chosen = {"Stage": "local", "MailSender": deploy.MAIL_SENDER, "PublicUrl": deploy.FRONT_END}
        data = stacks.deploy_text(deploy.DATA_STACK, text, chosen)
        template = json.loads((self.build / "template.json").read_text())
        parameters = {name: value for name, value in data.items() if name in template["Parameters"]}
        outputs = stacks.deploy(deploy.INSTALLATION, template, parameters)
        deploy.fill_in(source, aws, data, saved_target(home))
        _map(aws, outputs["RestAPIId"])
        write_json(home.routes, deploy.routes(outputs) | {"table": data["TableName"], "domain": _DOMAIN})
        endpoints = read_json(home.endpoints)
        addresses = deployed_addresses(home, endpoints["api"].removesuffix("/api"))
        write_json(home.endpoints, endpoints | addresses)


def _map(aws: LocalAws, api: str) -> None:
    gateway = aws.client("apigatewayv2")
    gateway.create_domain_name(DomainName=_DOMAIN, DomainNameConfigurations=[{"EndpointType": "REGIONAL"}])
    gateway.create_api_mapping(DomainName=_DOMAIN, ApiId=api, Stage="api", ApiMappingKey="api")
