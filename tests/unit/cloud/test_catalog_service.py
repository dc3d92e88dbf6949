"""Reading the catalogue: its greatest age, and its filters."""

from collections.abc import Sequence

import pytest

from chalicelib.domain.cloud.catalog.models import Catalog, ImageKind
from chalicelib.domain.cloud.catalog.service import CatalogService
from chalicelib.kernel.errors import InvalidInput
from chalicelib.kernel.transactions import Write
from tests.support.catalogs import small_catalog
from tests.support.clock import SettableClock


class Records:
    """`CatalogRecords` that counts reads."""

    def __init__(self) -> None:
        self.catalog = small_catalog()
        self.reads = 0

    def load(self) -> Catalog:
        self.reads += 1
        return self.catalog

    def replace(self, catalog: Catalog, also: Sequence[Write] = ()) -> int:
        self.catalog = catalog
        return 1


def service(records: Records | None = None, clock: SettableClock | None = None) -> CatalogService:
    return CatalogService(records or Records(), clock or SettableClock())


def test_a_copy_is_kept_for_a_minute() -> None:
    records, clock = Records(), SettableClock()
    catalogs = service(records, clock)
    catalogs.current()
    clock.advance(59.9)
    catalogs.current()
    assert records.reads == 1
    clock.advance(0.1)
    records.replace(Catalog())
    assert catalogs.current() == Catalog()
    assert records.reads == 2


def test_a_clock_that_went_back_does_not_keep_a_copy_for_ever() -> None:
    records, clock = Records(), SettableClock()
    catalogs = service(records, clock)
    catalogs.current()
    clock.advance(-3600)
    catalogs.current()
    assert records.reads == 2


@pytest.mark.parametrize(
    ("region", "gpu", "found"),
    [
        (None, None, {"cpu-4x8", "cpu-1x1", "h100-pcie-2"}),
        ("oslo", None, {"cpu-4x8", "h100-pcie-2"}),
        (None, "none", {"cpu-4x8", "cpu-1x1"}),
        (None, "h100", {"h100-pcie-2"}),
        ("montreal", "h100-pcie", {"h100-pcie-2"}),
        ("texas", None, set()),
    ],
)
def test_types_are_found_by_region_and_gpu(region: str | None, gpu: str | None, found: set[str]) -> None:
    assert {entry.id for entry in service().instance_types(region, gpu)} == found


def test_unknown_filters_are_refused_with_those_that_there_are() -> None:
    with pytest.raises(InvalidInput, match="there are montreal, oslo, texas"):
        service().instance_types("mars", None)
    with pytest.raises(InvalidInput, match="there are h100, h100-pcie, none"):
        service().instance_types(None, "b200")


def test_images_are_found_by_kind() -> None:
    assert len(service().images(None)) == len(service().images(ImageKind.MACHINE)) == 3
    assert service().images(ImageKind.CONTAINER) == []
