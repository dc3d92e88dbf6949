"""Reads the catalogue's data: `catalog/*.yaml`, with an overlay for a target that uses other names.

An overlay is one YAML file with a section for each of those files. It is applied as a JSON merge patch (RFC 7396):
its values replace those of the files, and null removes a value.
"""

from collections.abc import Hashable, Mapping
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Final, Self

import yaml
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from chalicelib.domain.cloud.catalog.models import (
    Catalog,
    Gpu,
    GpuLink,
    Hardware,
    Image,
    ImageKind,
    InstanceType,
    OsFamily,
    Region,
    StoragePlan,
)
from chalicelib.domain.cloud.providers.models import StorageKind
from chalicelib.domain.money.metering.models import PriceChange, PriceHistory
from chalicelib.kernel.clock import epoch_seconds
from chalicelib.kernel.money import parse_amount

_ROOT: Final = Path(__file__).resolve().parents[1]
CATALOG: Final = _ROOT / "catalog"
_TEMPLATES: Final = _ROOT / "heat_templates"


class CatalogError(ValueError):
    """The data is invalid; the text names each wrong entry and field."""


def _price(text: str) -> str:
    if parse_amount(text) < 0:
        raise ValueError("a price is not negative")
    return text


def _template(name: str) -> str:
    if not (_TEMPLATES / f"{name}.yaml").is_file():
        raise ValueError(f"heat_templates/{name}.yaml does not exist")
    return name


_Id = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]{0,62}$")]
_Name = Annotated[str, Field(min_length=1, max_length=100)]
_ProviderName = Annotated[str, Field(min_length=1, max_length=255)]
_Price = Annotated[str, AfterValidator(_price)]
_Template = Annotated[str, AfterValidator(_template)]
_Size = Annotated[int, Field(ge=1, le=1_000_000)]
_Regions = Annotated[tuple[_Id, ...], Field(min_length=1)]


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=False)


def _no_number(moment: object) -> object:
    if isinstance(moment, int | float):
        raise ValueError("give a moment, such as 2031-01-01T00:00:00Z")  # noqa: TRY004 (pydantic collects these)
    return moment


def _moment(moment: datetime) -> datetime:
    if moment.microsecond:
        raise ValueError("a price changes at a whole second")
    return moment


class _PriceChangeData(_Data):
    effective_from: Annotated[AwareDatetime, BeforeValidator(_no_number), AfterValidator(_moment)]
    price: _Price


def _ascending(changes: tuple[_PriceChangeData, ...]) -> tuple[_PriceChangeData, ...]:
    if any(later.effective_from <= earlier.effective_from for earlier, later in pairwise(changes)):
        raise ValueError("changes of a price stand in the order of their moments")
    return changes


_PriceChanges = Annotated[tuple[_PriceChangeData, ...], AfterValidator(_ascending)]


class _RegionData(_Data):
    name: _Name
    country: str = Field(pattern="^[A-Z]{2}$")
    provider: _Id
    network: str = Field(default="", max_length=255)
    public_network: str = Field(default="", max_length=255)
    is_open: bool = True


class _GpuData(_Data):
    model: str = Field(pattern="^[A-Z0-9]{1,20}$")
    link: GpuLink
    count: int = Field(ge=1, le=16)
    memory_gb: _Size
    resource_class: str = Field(pattern="^CUSTOM_[A-Z0-9_]{1,248}$")


class _InstanceTypeData(_Data):
    name: _Name
    vcpus: _Size
    memory_gb: _Size
    local_disk_gb: _Size
    gpu: _GpuData | None = None
    regions: _Regions
    price_per_hour: _Price
    price_changes: _PriceChanges = ()
    flavor: _ProviderName
    template: _Template
    required_traits: tuple[str, ...] = ()


class _ImageData(_Data):
    name: _Name
    kind: ImageKind = ImageKind.MACHINE
    os_family: OsFamily
    min_disk_gb: _Size
    min_memory_gb: _Size
    fits: frozenset[Hardware] = Field(min_length=1)
    provider_images: dict[_Id, _ProviderName] = Field(min_length=1)
    surcharge_per_hour: _Price = "0"
    price_changes: _PriceChanges = ()
    template: _Template | None = None


class _StoragePlanData(_Data):
    name: _Name
    kind: StorageKind
    min_gb: _Size
    max_gb: _Size
    price_per_gb_hour: _Price
    price_changes: _PriceChanges = ()
    regions: _Regions

    @model_validator(mode="after")
    def _limits(self) -> Self:
        if self.min_gb > self.max_gb:
            raise ValueError("min_gb is more than max_gb")
        return self


class _CatalogData(_Data):
    regions: dict[_Id, _RegionData]
    instance_types: dict[_Id, _InstanceTypeData]
    images: dict[_Id, _ImageData]
    storage_plans: dict[_Id, _StoragePlanData]

    @model_validator(mode="after")
    def _regions_exist(self) -> Self:
        named = {
            **{f"instance_types.{key}": entry.regions for key, entry in self.instance_types.items()},
            **{f"images.{key}": tuple(entry.provider_images) for key, entry in self.images.items()},
            **{f"storage_plans.{key}": entry.regions for key, entry in self.storage_plans.items()},
        }
        for place, regions in named.items():
            if unknown := set(regions) - self.regions.keys():
                raise ValueError(f"{place} names unknown regions: {', '.join(sorted(unknown))}")
        return self

    @model_validator(mode="after")
    def _one_class_a_variant(self) -> Self:
        classes: dict[tuple[str, GpuLink], str] = {}
        for key, entry in self.instance_types.items():
            if entry.gpu is not None:
                known = classes.setdefault((entry.gpu.model, entry.gpu.link), entry.gpu.resource_class)
                if known != entry.gpu.resource_class:
                    raise ValueError(f"instance_types.{key}: its kind of GPU is counted as {known} elsewhere")
        return self

    @model_validator(mode="after")
    def _one_plan_a_kind_and_region(self) -> Self:
        seen: set[tuple[StorageKind, str]] = set()
        for key, entry in self.storage_plans.items():
            for region in entry.regions:
                if (entry.kind, region) in seen:
                    raise ValueError(f"storage_plans.{key}: {region} has another plan of kind {entry.kind}")
                seen.add((entry.kind, region))
        return self


def read_catalog(folder: Path = CATALOG, overlay: Path | None = None) -> Catalog:
    """The catalogue in `folder`, with `overlay` applied.

    Raises:
        CatalogError: names each wrong entry and field.
    """
    data: Any = {name: _read(folder / f"{name}.yaml") for name in _CatalogData.model_fields}
    if overlay is not None:
        data = merge_patch(data, _read(overlay))
    try:
        return _catalog(_CatalogData.model_validate(data))
    except ValidationError as error:
        wrong = [f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors()]
        raise CatalogError("\n".join(wrong)) from None


def merge_patch(target: Any, patch: Any) -> Any:
    """`target` with the merge patch `patch` applied (RFC 7396)."""
    if not isinstance(patch, Mapping):
        return patch
    result = dict(target) if isinstance(target, Mapping) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merge_patch(result.get(name), value)
    return result


class _Loader(yaml.SafeLoader):
    """Loads YAML and rejects duplicate keys, of which PyYAML would take the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        keys = [key.value for key, _ in node.value]
        if repeated := {key for key in keys if keys.count(key) > 1}:
            raise CatalogError(f"{node.start_mark}: given twice: {', '.join(sorted(repeated))}")
        return super().construct_mapping(node, deep)


def _read(path: Path) -> Any:
    try:
        return yaml.load(path.read_text(encoding="utf-8"), _Loader)
    except OSError as error:
        raise CatalogError(f"{path}: {error.strerror}") from error
    except yaml.YAMLError as error:
        raise CatalogError(f"{path}: {error}") from error


def _catalog(data: _CatalogData) -> Catalog:
    return Catalog(
        regions=tuple(Region(id=key, **vars(entry)) for key, entry in data.regions.items()),
        instance_types=tuple(_instance_type(key, entry) for key, entry in data.instance_types.items()),
        images=tuple(_image(key, entry) for key, entry in data.images.items()),
        storage_plans=tuple(_storage_plan(key, entry) for key, entry in data.storage_plans.items()),
    )


def _instance_type(key: str, entry: _InstanceTypeData) -> InstanceType:
    fields = {**vars(entry), "gpu": Gpu(**vars(entry.gpu)) if entry.gpu else None, **_changes(entry)}
    return InstanceType(id=key, price_micros_per_hour=parse_amount(fields.pop("price_per_hour")), **fields)


def _image(key: str, entry: _ImageData) -> Image:
    fields = {**vars(entry), "template": entry.template or "", **_changes(entry)}
    surcharge = parse_amount(fields.pop("surcharge_per_hour"))
    return Image(id=key, surcharge_micros_per_hour=surcharge, **fields)


def _storage_plan(key: str, entry: _StoragePlanData) -> StoragePlan:
    fields = {**vars(entry), **_changes(entry)}
    price = parse_amount(fields.pop("price_per_gb_hour"))
    return StoragePlan(id=key, price_micros_per_gb_hour=price, **fields)


def _changes(entry: _InstanceTypeData | _ImageData | _StoragePlanData) -> dict[str, PriceHistory]:
    return {
        "price_changes": tuple(
            PriceChange(epoch_seconds(change.effective_from), parse_amount(change.price))
            for change in entry.price_changes
        )
    }
