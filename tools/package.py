"""`make package`: the project becomes `build/<stack>.json`, `build/code.zip` and `build/layer.zip`.

Chalice runs on a clean copy of the project whose `requirements.txt` is empty. The dependencies are a layer of
their own, which is built once for each content of `requirements.txt`, so that a code edit resolves no
dependencies.
"""

import argparse
import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
import zipfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from tools import finalise
from tools.runtime import ARCHITECTURES, Platform, RuntimeMissing
from tools.slim import slim
from tools.template import budgets
from tools.template.stacks import ORDER

ROOT = Path(__file__).resolve().parent.parent

_STAGED_FILES = ("app.py", ".chalice/config.json")
_STAGED_FOLDERS = ("chalicelib", "functions", "heat_templates", "state_machines")
_LAYER_RECIPE = "4"
"""Raise it when the way to build layers changes: cached layers are then built again."""

_EPOCH = (1980, 1, 1, 0, 0, 0)


class PackagingFailed(Exception):
    """A step failed; the message is its explanation."""


@dataclass(frozen=True)
class Package:
    """The content of a build folder."""

    build: Path

    @property
    def stacks(self) -> list[str]:
        """Its stacks, in the order of deployment."""
        return list(self._manifest["stacks"])

    @property
    def absent(self) -> list[str]:
        """Stacks that the package does not have, but an earlier release may have had."""
        return [stack for stack in ORDER if stack not in self.stacks]

    def template(self, stack: str) -> budgets.Template:
        """The template of one of its stacks."""
        template: budgets.Template = json.loads(self.path(stack).read_text())
        return template

    def path(self, stack: str) -> Path:
        """The file of that template."""
        return self.build / f"{stack}.json"

    @cached_property
    def _manifest(self) -> dict[str, Any]:
        """The manifest that `finalise` wrote.

        Raises:
            PackagingFailed: the folder holds no package.
        """
        try:
            manifest: dict[str, Any] = json.loads((self.build / finalise.MANIFEST).read_text())
        except FileNotFoundError as error:
            raise PackagingFailed("There is no package yet: make package") from error
        return manifest


def package(
    project: Path, build: Path, platform: Platform, layers: Path, percent: int = budgets.SHARE_PERCENT
) -> finalise.Size:
    """Package `project` for `platform` into `build`, within `percent` of AWS's quotas; keep layers in `layers`.

    Raises:
        PackagingFailed: Chalice or the overlay refused the project, the layer cannot be built, or no interpreter
            here compiles for `platform`.
        budgets.BudgetExceeded, finalise.SharedFunction: the package must not be deployed.
    """
    staged = build / "project"
    stage(project, staged)
    cached = layer(project / "requirements.txt", platform, layers)
    _link(cached, build / "layer.zip")
    overlay, plan = build / "overlay.json", build / "plan.json"
    written = ("--overlay", str(overlay), "--plan", str(plan))
    _run(staged, "-m", "tools.overlay", *written, "--architecture", platform.architecture)
    merge = ["package", "--stage", "package", "--merge-template", str(overlay), str(build / "chalice")]
    _run(staged, "-c", "from chalice.cli import main; main()", *merge)
    _compile(staged, "/var/task", platform)
    return finalise.finalise(staged, build, percent)


def stage(project: Path, staged: Path) -> None:
    """Copy the files to package, and no others, to `staged`."""
    shutil.rmtree(staged, ignore_errors=True)
    for name in _STAGED_FILES:
        (staged / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(project / name, staged / name)
    for name in _STAGED_FOLDERS:
        if (project / name).is_dir():
            shutil.copytree(project / name, staged / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in finalise.SHIPPED_FILES:
        if (project / name).exists():
            (staged / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(project / name, staged / name)
    (staged / "requirements.txt").write_text("")


def layer(requirements: Path, platform: Platform, layers: Path) -> Path:
    """Return the archive of the dependencies for `platform`; build it unless `layers` already has it.

    Raises:
        PackagingFailed: a requirement has no wheel for the platform, or no interpreter here compiles for it.
    """
    layers.mkdir(parents=True, exist_ok=True)
    recipe = f"{_LAYER_RECIPE} {platform}".encode()
    digest = hashlib.sha256(recipe + requirements.read_bytes()).hexdigest()[:16]
    archive = layers / f"{digest}-{platform.python}-{platform.architecture}.zip"
    with archive.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # a second process waits until the first has built the layer
        if not archive.exists():
            unpacked = layers / f"{digest}.{os.getpid()}"
            try:
                _install(requirements, platform, unpacked / "python")
                _archive(unpacked, archive)
            finally:
                shutil.rmtree(unpacked, ignore_errors=True)
    return archive


def _install(requirements: Path, platform: Platform, folder: Path) -> None:
    _interpreter(platform)  # if it is missing, say so before anything is downloaded
    wheels = ("--python-platform", platform.wheels) if platform.wheels else ()
    _call(
        [
            *(sys.executable, "-m", "uv", "pip", "install", "--quiet", "--only-binary", ":all:", "--no-deps"),
            *("--python-version", platform.python, *wheels),
            *("--target", str(folder), "--requirements", str(requirements)),
        ],
        cwd=ROOT,
    )
    slim(folder)
    _compile(folder, "/opt/python", platform, "-j0")


def _compile(folder: Path, mounted: str, platform: Platform, *options: str) -> None:
    """Compile `folder`, which Lambda mounts as `mounted`, to byte code that is trusted as it is.

    Lambda can write to neither place, so each cold start would compile what it imports. One process, whose hashes
    are no accident, makes the same bytes of the same sources; with `-j0` it takes less time.
    """
    _call(
        [
            *(_interpreter(platform), "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash", *options),
            *("-s", str(folder), "-p", mounted, str(folder)),
        ],
        cwd=ROOT,
        environment=os.environ | {"PYTHONHASHSEED": "0"},
    )


def _interpreter(platform: Platform) -> str:
    try:
        return platform.interpreter()
    except RuntimeMissing as error:
        raise PackagingFailed(str(error)) from error


def _archive(folder: Path, archive: Path) -> None:
    unfinished = archive.with_suffix(f".{os.getpid()}.part")
    with zipfile.ZipFile(unfinished, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as opened:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                entry = zipfile.ZipInfo(path.relative_to(folder).as_posix(), _EPOCH)
                entry.external_attr = (path.stat().st_mode & 0o755 | 0o444) << 16
                opened.writestr(entry, path.read_bytes(), zipfile.ZIP_DEFLATED)
    unfinished.replace(archive)


def _link(source: Path, destination: Path) -> None:
    destination.unlink(missing_ok=True)
    try:
        destination.hardlink_to(source)
    except OSError:  # `layers` is on another file system
        shutil.copyfile(source, destination)


def _run(staged: Path, *arguments: str) -> None:
    """Run Python with the staged project before our own folders on its path."""
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join([str(staged), str(ROOT)]),
        "PYTHONDONTWRITEBYTECODE": "1",
        "AWS_DEFAULT_REGION": os.environ.get("AWS_DEFAULT_REGION", "us-east-1"),
        "AWS_CHALICE_CLI_MODE": "true",
    }
    _call([sys.executable, *arguments], cwd=staged, environment=environment)


def _call(command: list[str], cwd: Path, environment: dict[str, str] | None = None) -> None:
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise PackagingFailed(f"{' '.join(command[1:4])} failed:\n{done.stderr.strip() or done.stdout.strip()}")


def main() -> None:
    """Package the project for AWS."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--project", type=Path, default=ROOT)
    parser.add_argument("--build", type=Path, default=ROOT / "build")
    parser.add_argument("--architecture", choices=ARCHITECTURES, default="arm64")
    parser.add_argument(
        "--here", action="store_true", help="for this machine and this Python, as the local cloud runs it"
    )
    options = parser.parse_args()
    began = time.monotonic()
    options.build.mkdir(parents=True, exist_ok=True)
    platform = Platform.here() if options.here else Platform.of_lambda(options.architecture)
    try:
        size = package(options.project, options.build.resolve(), platform, ROOT / "build" / "layers")
    except (PackagingFailed, budgets.BudgetExceeded, finalise.SharedFunction) as error:
        raise SystemExit(str(error)) from error
    print(f"{size.summary()}, in {time.monotonic() - began:.1f} s")


if __name__ == "__main__":
    main()
