"""A district as a folder: built beside its place, moved there in one step, found again by its recipe's hash."""

import contextlib
import hashlib
import json
import os
import shutil
import time
import uuid
from pathlib import Path

from twin_sandbox.data import cache_folder, data_folder
from twin_sandbox.entities import district as form
from twin_sandbox.entities.sheets import gather_sheets
from twin_sandbox.errors import TwinError
from twin_sandbox.generate.recipe import Recipe, read_recipe

SAMPLE = "gulls_quay"
_PREFIX = ".building-"
_STALE_S = 3600.0


def sample_recipe() -> Path:
    """The recipe of the sample district."""
    return data_folder("datasets") / SAMPLE / "recipe.toml"


def recipe_hash(recipe: bytes, sheets: Path) -> str:
    """What a built district is found by: recipe, data sheets and the generator's own text, 16 hexadecimal digits."""
    digest = hashlib.sha256(f"{form.FORMAT} {form.FORMAT_VERSION}\n".encode())
    own = Path(__file__).parent
    for source in sorted([*own.rglob("*.py"), *(own.parent / "entities").rglob("*.py")]):
        digest.update(source.read_bytes())
    digest.update(recipe)
    for sheet in sorted(sheets.glob("*.toml")):
        digest.update(sheet.read_bytes())
    return digest.hexdigest()[:16]


def build_district(
    recipe_path: Path | str | None = None, out: Path | str | None = None, *, again: bool = False
) -> Path:
    """Build a district unless it is there already.

    Args:
        recipe_path: a recipe.toml; None for the sample district.
        out: folder to write; None for the user's cache, where a built one is found again.
        again: build even if the cache has it, e.g. because it was damaged.

    Returns:
        The district's folder, for `twin_sandbox.entities.read_district`.

    Raises:
        TwinError: the recipe is absurd, or the folder cannot be written or holds something else.
    """
    path = Path(recipe_path) if recipe_path is not None else sample_recipe()
    try:
        text = path.read_bytes()
    except OSError:
        text = read_recipe(path).text  # says why it cannot be read
    name = recipe_hash(text, path.parent / "sheets")
    target = Path(out) if out is not None else cache_folder() / "districts" / name
    keep = out is None and not again
    if keep and (target / form.MANIFEST).is_file():
        return target
    if target.exists() and not _replaceable(target):
        raise TwinError(
            f"folder {target}",
            "holds something that is not a district",
            "An empty or new folder, or a built district, which is replaced",
            "Name another folder.",
        )
    recipe, sheets = read_recipe(path), gather_sheets(path.parent / "sheets")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _sweep(target.parent)
        draft = target.parent / f"{_PREFIX}{uuid.uuid4().hex}"
        draft.mkdir()
    except OSError as reason:
        raise _unwritable(target.parent, reason) from None
    try:
        _write(recipe, sheets, name, draft)
        _move(draft, target, keep=keep)
    except OSError as reason:
        raise _unwritable(target, reason) from None
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return target


def _unwritable(folder: Path, reason: OSError) -> TwinError:
    if "PRACTICUM_SANDBOX" in os.environ:
        return TwinError(
            "district",
            "the one that this sandbox was given is not of this version of the practicum",
            "The recipe or the generator has changed since, and no other can be built in here.",
            "Start again outside: end the practicum and run practicum up, or practicum grade, which builds it anew.",
        )
    return TwinError(
        f"folder {folder}",
        f"cannot be written: {reason.strerror}",
        then="Free space or name another folder: --out DIR for one district, PRACTICUM_CACHE for the cache.",
    )


def _replaceable(target: Path) -> bool:
    if not target.is_dir():
        return False
    names = {entry.name for entry in target.iterdir()}
    return not names or (form.MANIFEST in names and names <= {form.MANIFEST, *form.FILES})


def _sweep(folder: Path) -> None:
    """Drop drafts that a killed build left behind."""
    for draft in folder.glob(f"{_PREFIX}*"):
        with contextlib.suppress(FileNotFoundError):  # another build may sweep too
            if time.time() - draft.stat().st_mtime > _STALE_S:
                shutil.rmtree(draft, ignore_errors=True)


def _move(draft: Path, target: Path, *, keep: bool) -> None:
    """Put the draft in its place; whoever built the same district meanwhile has made the same bytes: ``keep`` those."""
    old = draft.with_name(f"{draft.name}-old")
    try:
        if target.exists() and not keep:
            target.rename(old)
        draft.rename(target)
    except OSError:
        if not (target / form.MANIFEST).is_file():
            raise
    finally:
        shutil.rmtree(old, ignore_errors=True)


def _write(recipe: Recipe, sheets: str, name: str, folder: Path) -> None:
    import numpy as np
    import pyogrio

    from twin_sandbox.generate.assemble import assemble

    plan = assemble(recipe)
    (folder / form.RECIPE).write_bytes(recipe.text)
    (folder / form.SHEETS).write_text(sheets, encoding="utf-8")
    # a GeoPackage notes when it was written; the same district must have the same bytes
    pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": "2024-01-01T00:00:00.000Z"})
    try:
        for table, frame in plan.tables.items():
            frame.reset_index().to_file(folder / form.DATABASE, layer=table, driver="GPKG", engine="pyogrio")
        for name_, rows in plan.facts.items():
            pyogrio.write_dataframe(rows, folder / form.DATABASE, layer=name_, driver="GPKG")
    finally:
        pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": None})
    plan.stages.to_csv(folder / form.STAGES, index=False, lineterminator="\n")
    for raster in ("elevation_m", "land_cover", "low_area"):
        np.save(folder / f"{raster}.npy", getattr(plan, raster), allow_pickle=False)
    district = recipe.tree["district"]
    manifest = {
        "format": form.FORMAT,
        "version": form.FORMAT_VERSION,
        "name_en": district["name_en"],
        "name_zh": district["name_zh"],
        "notice": "A place that does not exist. Its frame lies on open sea.",
        "area_code": district["area_code"],
        "crs": f"EPSG:{district['epsg']}",
        "built_from": name,
        "grid": {
            "x_min_m": district["x_min_m"],
            "y_max_m": district["y_min_m"] + district["height_m"],
            "cell_m": district["cell_m"],
        },
        "files": {file: hashlib.sha256((folder / file).read_bytes()).hexdigest() for file in form.FILES},
    }
    text = json.dumps(manifest, ensure_ascii=False, indent=1) + "\n"
    (folder / form.MANIFEST).write_text(text, encoding="utf-8")
