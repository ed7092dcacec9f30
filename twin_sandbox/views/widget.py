"""One small widget that draws maps in JupyterLab and Voila, offline."""

import base64
import gzip
import html
import json
from typing import TYPE_CHECKING, Any

import anywidget
import numpy as np
import traitlets

from twin_sandbox.errors import TwinError
from twin_sandbox.views.deck_json import layers_json
from twin_sandbox.views.deck_library import map_script, packed_library

if TYPE_CHECKING:
    from numpy.typing import NDArray

Column = dict[str, Any]
Columns = dict[str, dict[str, Column]]


def column(values: "NDArray[Any] | bytes") -> Column:
    """A column of numbers (rows × components), a raster uint8[height, width, 4], or the bytes of a WebP picture."""
    if isinstance(values, bytes):
        return {"dtype": "webp", "size": 4, "shape": [], "data": values}
    array = np.ascontiguousarray(values)
    if array.dtype.name not in {"uint8", "uint16", "uint32", "int32", "float32", "float64"}:
        raise TwinError(
            "map column", f"values of kind {array.dtype}", "uint8, uint16, uint32, int32, float32 or float64."
        )
    size = 1 if array.ndim == 1 else array.shape[-1]
    return {"dtype": array.dtype.name, "size": size, "shape": list(array.shape), "data": array.tobytes()}


class MapWidget(anywidget.AnyWidget):
    """A map: pydeck's layers, with columns that travel as bytes.

    Args:
        deck: a ``pydeck.Deck`` or its JSON text; see :mod:`twin_sandbox.views.deck_json` for what is drawn.
        height: height in the page [px], 120 to 2000.
        overlay: what lies over the map, as plain data: title, lines, legend, keys, mark, scale.
        label: what the map shows, for those who do not see it.
        fits: width and height [px] that the deck's view was made for; other sizes then show the same ground.

    ``clicked`` and, when ``follow_pointer`` is set, ``hovered`` come back from the browser: layer, index, name, code,
    longitude and latitude of what lies there.
    """

    _esm = map_script()
    spec = traitlets.Unicode('{"layers": []}').tag(sync=True)
    columns = traitlets.Dict().tag(sync=True)
    live = traitlets.Dict().tag(sync=True)
    height = traitlets.Int(520, min=120, max=2000).tag(sync=True)
    overlay = traitlets.Dict().tag(sync=True)
    label = traitlets.Unicode("").tag(sync=True)
    fits: traitlets.List[int] = traitlets.List().tag(sync=True)
    follow_pointer = traitlets.Bool(default_value=False).tag(sync=True)
    clicked = traitlets.Dict().tag(sync=True)
    hovered = traitlets.Dict().tag(sync=True)

    def __init__(
        self,
        deck: Any,  # noqa: ANN401 - pydeck is not typed
        *,
        height: int = 520,
        columns: Columns | None = None,
        overlay: dict[str, Any] | None = None,
        label: str = "",
        fits: tuple[int, int] | None = None,
    ) -> None:
        if isinstance(height, bool) or not isinstance(height, int) or not 120 <= height <= 2000:
            raise TwinError("map, height", repr(height), "Whole pixels from 120 to 2000.")
        super().__init__(
            spec=layers_json(deck),
            height=height,
            columns=columns or {},
            overlay=overlay or {},
            label=label,
            fits=list(fits or ()),
        )
        self.on_msg(self._send_library)

    def show(self, layer: str, **values: "NDArray[Any] | bytes") -> None:
        """Change columns of a layer on the drawn map; only these travel.

        ``image`` is a picture, ``rowColor`` one colour a row, every other name an attribute of deck.gl
        (``getPosition``, ``getElevation`` …).
        """
        self.show_all({layer: values})

    def show_all(self, changes: "dict[str, dict[str, Any]]") -> None:
        """Several layers' columns at once, drawn as one step."""
        live = dict(self.live)
        for layer, values in changes.items():
            live[layer] = {**live.get(layer, {}), **{name: column(item) for name, item in values.items()}}
        self.live = live

    def _send_library(self, _: object, message: dict[str, Any], __: object) -> None:
        """For pages whose server does not have our static file."""
        if message.get("type") == "deck.gl":
            self.send({"type": "deck.gl"}, buffers=[packed_library()])

    def as_html(self) -> str:
        """The map for a page without a kernel; :func:`twin_sandbox.views.embed` makes such a page live."""
        columns: Columns = {}
        for layer in {**self.columns, **self.live}:
            merged = {**self.columns.get(layer, {}), **self.live.get(layer, {})}
            columns[layer] = {
                name: {**item, "data": base64.b64encode(item["data"]).decode()} for name, item in merged.items()
            }
        state = {"spec": self.spec, "columns": columns, "overlay": self.overlay, "label": self.label, "fits": self.fits}
        packed = base64.b64encode(gzip.compress(json.dumps(state).encode(), 6, mtime=0)).decode()
        shown = html.escape(self.label or "A map")
        return f'<div class="practicum-map" style="height:{self.height}px" data-map="{packed}">{shown}</div>'

    def _repr_mimebundle_(self, **options: Any) -> Any:  # noqa: ANN401 - IPython's protocol
        bundle = super()._repr_mimebundle_(**options)
        data = bundle[0] if isinstance(bundle, tuple) else bundle
        if data is not None:
            data["text/html"] = self.as_html()
            data["text/plain"] = f"<map: {self.label}>" if self.label else "<map>"
        return bundle
