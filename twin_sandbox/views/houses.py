"""Buildings as the map draws them: walls up to the eaves, and the faces of pitched roofs in the light."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from twin_sandbox.views import palette
from twin_sandbox.views.frame import Frame

if TYPE_CHECKING:
    import geopandas as gpd

    from twin_sandbox.entities import District

TILED_M = 16.0
"""Higher houses have flat, pale roofs [m]."""

_SUN = np.array([-0.55, 0.5, 0.67])  # from the north-west, as the key light of the scene
_KIND = {
    "en": {"height": "height", "floor": "ground floor"},
    "zh": {"height": "高", "floor": "底层地面"},
}


@dataclass(frozen=True)
class Houses:
    """The buildings of a scene.

    Args:
        walls: one row a building: ring, height_m, names, tip.
        faces: one row a roof face: ring with heights, tip.
        wall_colours: uint8[n, 4], dry.
        face_house: number of the building that each face covers.
        face_light: light that falls on each face [share].
        tiles: uint8[n, 4], colour of each building's tiles when dry.
    """

    walls: list[dict[str, Any]]
    faces: list[dict[str, Any]]
    wall_colours: NDArray[np.uint8]
    face_house: NDArray[np.int64]
    face_light: NDArray[np.float64]
    tiles: NDArray[np.uint8]

    def colours(self, wet: NDArray[np.bool_] | None = None) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """Colours of the buildings and of the roof faces; those of ``wet`` buildings stand out."""
        walls, tiles = self.wall_colours.copy(), self.tiles.copy()
        if wet is not None:
            walls[wet, :3] = tiles[wet, :3] = palette.FLOODED_ROOF
        faces = tiles[self.face_house].astype(np.float64)
        faces[:, :3] = np.clip(faces[:, :3] * self.face_light[:, None], 0, 255)
        return walls, faces.astype(np.uint8)


def houses_of(district: "District", shown: "gpd.GeoDataFrame", frame: Frame, language: str) -> Houses:
    """The given buildings, with the roofs that the district's table of roofs gives them."""
    walls, faces, owner, light = [], [], [], []
    roofs = _roof_faces(district, shown)
    words = _KIND[language]
    for k, (code, house) in enumerate(shown.iterrows()):
        tip = (
            f"{house[f'name_{language}']}\n{house.use}, {words['height']} {house.height_m:g} m, "
            f"{words['floor']} {house.floor_m:.2f} m\n{code}"
        )
        own = roofs.get(str(code), [])
        top_m = min((float(face[:, 2].min()) for face in own), default=float(house.height_m))
        walls.append(
            {
                "ring": frame.path(house.geometry.exterior.coords),
                "height_m": round(top_m, 2),
                "name": house[f"name_{language}"],
                "code": code,
                "tip": tip,
            }
        )
        for face in own:
            places = frame.path(face[:, :2])
            ring = [[*place, round(float(z), 2)] for place, z in zip(places, face[:, 2], strict=True)]
            faces.append({"ring": ring, "name": house[f"name_{language}"], "code": code, "tip": tip})
            owner.append(k)
            light.append(_light_on(face))
    return Houses(walls, faces, wall_colours(shown), np.array(owner, np.int64), np.array(light), _tiles(shown))


def wall_colours(shown: "gpd.GeoDataFrame") -> NDArray[np.uint8]:
    """A colour for each building by its use; uint8[n, 4]. The same building always has the same."""
    colours = np.full((len(shown), 4), 255, dtype=np.uint8)
    for row, (code, use, height) in enumerate(zip(shown.index, shown["use"], shown["height_m"], strict=True)):
        shades = palette.ROOFS.get(use, palette.OTHER_ROOF)
        if height > TILED_M:
            shades = shades[:3]
        colours[row, :3] = shades[sum(map(ord, code)) % len(shades)]
    return colours


def _tiles(shown: "gpd.GeoDataFrame") -> NDArray[np.uint8]:
    """Houses wear tiles, sheds sheet metal; uint8[n, 4]."""
    colours = np.full((len(shown), 4), 255, dtype=np.uint8)
    for row, (code, use) in enumerate(zip(shown.index, shown["use"], strict=True)):
        shades = palette.ROOFS["port"] if use == "port" else palette.TILES
        colours[row, :3] = shades[sum(map(ord, code)) // 3 % len(shades)]
    return colours


def _roof_faces(district: "District", shown: "gpd.GeoDataFrame") -> dict[str, list[NDArray[np.float64]]]:
    """Rings [n, 3] of each pitched roof, heights above the ground beside the building."""
    from twin_sandbox.formats.roof import Roof, roof_faces

    table = district.facts["roofs"]
    pitched = table[table["building_code"].isin(shown.index) & (table["roof_kind"] != "flat")]
    found: dict[str, list[NDArray[np.float64]]] = {}
    columns = ("building_code", "roof_kind", "eaves_m", "ridge_m", "ridge_direction_deg")
    for code, kind, eaves_m, ridge_m, direction in zip(*(pitched[name].tolist() for name in columns), strict=True):
        ring, floor_m = shown.geometry[code].exterior, float(shown["floor_m"][code])
        outline = np.asarray(ring.coords)[:-1, :2]
        faces = roof_faces(
            outline if ring.is_ccw else outline[::-1], Roof(kind, eaves_m - floor_m, ridge_m - floor_m, direction)
        )
        if faces:
            found[str(code)] = faces
    return found


def _light_on(face: NDArray[np.float64]) -> float:
    """Brightness of a face [share]: 1 where it lies level."""
    edges = np.roll(face, -1, axis=0)
    normal = np.cross(face - face.mean(axis=0), edges - face.mean(axis=0)).sum(axis=0)
    size = float(np.linalg.norm(normal))
    facing = float(normal @ _SUN) / size if size else float(_SUN[2])
    return 1.0 + 0.55 * (facing - float(_SUN[2]))
