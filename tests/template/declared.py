"""Reads a project's registry in a process of its own, because there is one registry for each process."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tools.package import ROOT

_SCRIPT = """
import dataclasses, json
from chalicelib.runtime.registry import load_all
print(json.dumps([{
    "logical_id": function.logical_id, "name": function.name, "module": function.module, "area": function.area,
    "kind": type(function.trigger).__name__, "trigger": dataclasses.asdict(function.trigger),
    "memory_mb": function.memory_mb, "timeout_seconds": function.timeout_seconds,
    "grants": [dataclasses.asdict(grant) for grant in function.grants],
} for function in load_all()]))
"""

Declared = dict[str, Any]


def declared(project: Path) -> list[Declared]:
    """Every function of the registry of `project`."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(project), str(ROOT)])}
    command = [sys.executable, "-c", _SCRIPT]
    done = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=True)
    functions: list[Declared] = json.loads(done.stdout)
    return functions
