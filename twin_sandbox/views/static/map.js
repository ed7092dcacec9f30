// Draws pydeck's layer JSON with the deck.gl that lies in the pydeck wheel: one copy a page, from our own server.
// There is no evaluator of expressions here: "@@=column" names a column and nothing else, so a map that a stranger
// wrote can only draw. What is allowed is listed; twin_sandbox/views/deck_json.py says the same with kind words.
const LAYERS = ['ArcLayer', 'BitmapLayer', 'ColumnLayer', 'GeoJsonLayer', 'GridCellLayer', 'LineLayer', 'PathLayer',
  'PointCloudLayer', 'PolygonLayer', 'ScatterplotLayer', 'SolidPolygonLayer', 'TextLayer', 'TripsLayer'];
const PARTS = ['LightingEffect', 'AmbientLight', 'DirectionalLight', 'PointLight', 'MapView'];
const ARRAYS = {uint8: Uint8ClampedArray, uint16: Uint16Array, uint32: Uint32Array, int32: Int32Array,
  float32: Float32Array, float64: Float64Array};
const COLUMN = /^@@=(?!__proto__$|constructor$|prototype$)[A-Za-z_]\w*$/;
const OUTSIDE = /^\s*([a-z][a-z0-9+.-]*:|\/\/|\/|\.)/i;
const MAY_BE_ADDRESS = /^(data|image|texture|mesh|iconAtlas|iconMapping|elevationData)$/;

// --- the library --------------------------------------------------------------------------------------------------

const STYLE = `
.pm-box{position:relative;width:100%;overflow:hidden;border-radius:6px;color:#182234;
 font:13px/1.4 system-ui,"Noto Sans","Noto Sans CJK SC","PingFang SC","Microsoft YaHei",sans-serif}
.pm-box canvas:focus-visible{outline:2px solid #1e5092;outline-offset:-3px}
.pm-card{position:absolute;background:rgba(255,255,255,.92);border-radius:8px;padding:8px 13px;pointer-events:none;
 box-shadow:0 1px 5px rgba(20,40,60,.20);max-width:calc(100% - 24px);z-index:2}
.pm-title{left:12px;top:12px}.pm-title b{font-size:15px;display:block}.pm-legend{left:12px;bottom:12px}
.pm-scale{right:12px;bottom:12px;padding:8px 12px 7px}.pm-mark{right:12px;top:12px;font-size:12px;padding:4px 10px;color:#3c4758}
.pm-bar{width:200px;height:11px;border-radius:3px;margin:5px 0 3px}
.pm-ticks{display:flex;justify-content:space-between;font-variant-numeric:tabular-nums}
.pm-keys{display:flex;gap:12px;margin-top:4px;flex-wrap:wrap}.pm-key i{display:inline-block;width:11px;height:11px;border-radius:2px;margin-right:5px;vertical-align:-1px}
.pm-rule{border:2px solid #182234;border-top:0;height:15px;text-align:center;font-size:12px;line-height:11px;min-width:30px}
.pm-tip{position:absolute;z-index:3;pointer-events:none;background:#182234;color:#fff;border-radius:6px;padding:5px 9px;white-space:pre-line;max-width:260px}
.pm-wait{position:absolute;inset:0;display:grid;place-items:center;color:#3c4758;text-align:center;padding:1em;white-space:pre-line}
@media (max-width:560px){.pm-mark{top:auto;bottom:56px}.pm-bar{width:140px}}`;

function styled() {
  if (document.getElementById('practicum-map-style')) return;
  const style = document.createElement('style');
  style.id = 'practicum-map-style';
  style.textContent = STYLE;
  document.head.append(style);
}

function address() {
  if (!/^https?:/.test(location.protocol)) return null;
  let base = '/';
  try { base = JSON.parse(document.getElementById('jupyter-config-data').textContent).baseUrl || '/'; } catch { /* no Jupyter page */ }
  return new URL(base.replace(/\/?$/, '/') + 'practicum/static/deck.js', location.origin).href;
}

async function unpacked(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'));
  return new Response(stream).text();
}

export async function library(packed) {
  return globalThis.practicumDeck ??= (async () => {
    if (globalThis.deck?.BitmapLayer) return globalThis.deck;
    const own = address(), served = own && await fetch(own, {method: 'HEAD'}).then(answer => answer.ok, () => false);
    const script = served ? null : new Blob([await unpacked(await packed())], {type: 'text/javascript'});
    await import(served ? own : URL.createObjectURL(script));
    return globalThis.deck;
  })().catch(error => { globalThis.practicumDeck = undefined; throw error; });
}

// --- from JSON to layers --------------------------------------------------------------------------------------------

function accessor(text) {
  if (COLUMN.test(text)) { const name = text.slice(3); return row => row[name]; }
  if (text === '@@=-') return row => row;
  const names = text.slice(3).replace(/^\[|\]$/g, '').split(',').map(name => name.trim());
  if (/^@@=\[.*\]$/.test(text) && names.every(name => COLUMN.test('@@=' + name))) return row => names.map(name => row[name]);
  throw new Error(`not drawn: ${text.slice(0, 60)} is more than the name of a column`);
}

function value(D, key, given) {
  if (typeof given === 'string') {
    if (given.startsWith('@@=')) return accessor(given);
    if (given.startsWith('@@')) throw new Error(`not drawn: ${given.slice(0, 60)}`);
    if (MAY_BE_ADDRESS.test(key) && OUTSIDE.test(given) && !/^data:image\/(png|webp|jpeg);base64,/.test(given)) {
      throw new Error(`not drawn: ${key} must lie in the notebook, not at an address`);
    }
    if (MAY_BE_ADDRESS.test(key) && !given.startsWith('data:')) throw new Error(`not drawn: ${key} is text`);
    return given;
  }
  if (key === 'data' || given === null || typeof given !== 'object') return given;
  if (Array.isArray(given)) return given.map(item => value(D, key, item));
  if ('@@function' in given) throw new Error('not drawn: a function');
  return '@@type' in given ? part(D, given, PARTS) : plain(D, given);
}

function plain(D, given) {
  return Object.fromEntries(Object.entries(given)
    .filter(([key]) => key !== '@@type' && key !== 'loadOptions' && key !== 'extensions' && key !== 'onDataLoad')
    .map(([key, item]) => [key, value(D, key, item)]));
}

function part(D, given, allowed) {
  const type = given['@@type'];
  if (!allowed.includes(type)) throw new Error(`not drawn: ${String(type).slice(0, 60)} is not among the kinds of layer`);
  return new D[type](plain(D, given));
}

const bytesOf = data => typeof data === 'string'
  ? Uint8Array.from(atob(data), letter => letter.charCodeAt(0))
  : new Uint8Array(data.buffer, data.byteOffset, data.byteLength).slice();

async function picture({dtype, shape, data}) {
  const bytes = bytesOf(data);
  if (dtype === 'webp') return createImageBitmap(new Blob([bytes], {type: 'image/webp'}), {premultiplyAlpha: 'none'});
  return new ImageData(new Uint8ClampedArray(bytes.buffer), shape[1]);
}

async function changes(layer, columns) {
  const props = {}, attributes = {};
  let length = 0, startIndices;
  for (const [name, column] of Object.entries(columns)) {
    if (name === 'image') { props.image = await picture(column); continue; }
    const numbers = new ARRAYS[column.dtype](bytesOf(column.data).buffer), size = column.size;
    if (name === 'rowColor') {            // a colour a row of JSON data: rows keep their names for the tooltip
      props.getFillColor = (_, {index}) => numbers.subarray(index * size, index * size + size);
      props.updateTriggers = {getFillColor: column};
    } else if (name === 'startIndices') {
      startIndices = numbers;
    } else {
      if (!startIndices) length = numbers.length / size;
      attributes[name] = {value: numbers, size, ...(name.includes('Color') ? {normalized: true} : {})};
    }
  }
  if (Object.keys(attributes).length) {
    props.data = startIndices ? {length: startIndices.length - 1, startIndices, attributes} : {length, attributes};
  }
  return layer.clone(props);
}

// --- the map --------------------------------------------------------------------------------------------------------

const make = (parent, kind, text) => {
  const node = document.createElement('div');
  node.className = kind;
  if (text) node.textContent = text;
  parent?.append(node);
  return node;
};

function cards(box, overlay) {
  box.querySelectorAll('.pm-card').forEach(card => card.remove());
  if (overlay.title) {
    const card = make(box, 'pm-card pm-title'), head = document.createElement('b');
    head.textContent = overlay.title;
    card.append(head);
    for (const line of overlay.lines ?? []) make(card, '', line);
  }
  if (overlay.mark) make(box, 'pm-card pm-mark', overlay.mark);
  if (overlay.legend || overlay.keys) {
    const card = make(box, 'pm-card pm-legend'), legend = overlay.legend;
    if (legend) {
      make(card, '', legend.label);
      make(card, 'pm-bar').style.background = `linear-gradient(90deg, ${legend.colours.filter(c => /^#[0-9a-f]{6}$/.test(c)).join(',')})`;
      const ticks = make(card, 'pm-ticks');
      legend.ticks.forEach(tick => { const span = document.createElement('span'); span.textContent = tick; ticks.append(span); });
    }
    const row = overlay.keys?.length ? make(card, 'pm-keys') : null;
    for (const {colour, label} of overlay.keys ?? []) {
      const key = make(row, 'pm-key'), dot = document.createElement('i');
      dot.style.background = /^#[0-9a-f]{6}$/.test(colour) ? colour : '#888888';
      key.append(dot, label);
    }
  }
  if (overlay.scale !== false) make(make(box, 'pm-card pm-scale'), 'pm-rule');
}

function rule(box, deck) {
  const bar = box.querySelector('.pm-rule'), perPixel = deck.getViewports?.()[0]?.metersPerPixel;
  if (!bar || !perPixel) return;
  const room = perPixel * 110, ten = 10 ** Math.floor(Math.log10(room));
  const length = room / ten >= 5 ? 5 * ten : room / ten >= 2 ? 2 * ten : ten;
  bar.style.width = `${length / perPixel}px`;
  bar.textContent = length >= 1000 ? `${length / 1000} km` : `${length} m`;
}

export function drawMap(D, box, state, on = {}) {
  styled();
  box.classList.add('pm-box');
  box.replaceChildren();
  const stage = make(box, ''), tip = make(box, 'pm-tip');
  stage.style.cssText = 'position:absolute;inset:0';
  tip.hidden = true;
  // A view made for so many pixels shows the same ground in a smaller or larger box.
  const fit = state.fits?.length === 2 && box.clientWidth && box.clientHeight
    ? Math.min(box.clientWidth / state.fits[0], box.clientHeight / state.fits[1]) : 1;
  let base = [], turn = 0, ended = false;
  const started = performance.now();
  const read = text => {
    const given = JSON.parse(text);
    base = (given.layers ?? []).map(layer => part(D, layer, LAYERS))
      .map(layer => layer instanceof D.TextLayer ? layer.clone({sizeScale: Math.min(1.1, Math.max(0.88, fit))}) : layer);
    return {effects: (given.effects ?? []).map(effect => part(D, effect, ['LightingEffect'])),
      view: plain(D, given.initialViewState ?? {})};
  };
  const {effects, view} = read(state.spec);
  if (view.zoom !== undefined) view.zoom += Math.log2(fit);
  if (!box.style.background) box.style.background = '#edf1f4';
  const shown = async columns => Promise.all(base.map(layer => columns[layer.id] ? changes(layer, columns[layer.id]) : layer));
  const described = ({object}) => typeof object?.tip === 'string' ? object.tip : typeof object?.name === 'string' ? object.name : '';
  const deck = new D.Deck({parent: stage, effects, initialViewState: view, controller: {scrollZoom: false}, layers: [], useDevicePixels: Math.min(devicePixelRatio || 1, 2),
    onClick: info => on.click?.(info),
    onHover: info => {
      const text = described(info);
      tip.hidden = !text;
      tip.textContent = text;
      tip.style.left = `${Math.min(info.x + 14, Math.max(0, box.clientWidth - 190))}px`;
      tip.style.top = `${Math.min(info.y + 14, Math.max(0, box.clientHeight - 70))}px`;
      on.hover?.(info);
    },
    onError: error => on.error?.(error),
    onAfterRender: () => rule(box, deck)});
  // A page that scrolls past a map must not zoom it: the wheel is the map's own from a click on it until the pointer leaves.
  const wheel = scrollZoom => deck.setProps({controller: {scrollZoom}});
  box.onpointerdown = () => wheel({smooth: true});
  box.onpointerleave = () => wheel(false);
  const set = async (columns, props = {}) => {
    const mine = ++turn, layers = await shown(columns);
    if (mine === turn) { deck.setProps({...props, layers}); box.dataset.turn = String(mine); }   // a late picture never overtakes
  };
  // Drawn is when every layer has all it needs and a frame has passed: tests wait for it.
  const look = () => {
    if (ended) return;
    const layers = deck.props.layers;
    if (layers.length && layers.every(layer => layer.isLoaded)) box.dataset.drawn = String(Math.round(performance.now() - started));
    else requestAnimationFrame(look);
  };
  const ready = set(state.columns).then(() => requestAnimationFrame(look));
  cards(box, state.overlay ?? {});
  if (state.label) { stage.setAttribute('role', 'img'); stage.setAttribute('aria-label', state.label); }
  return {deck, ready, setColumns: set, setOverlay: overlay => { cards(box, overlay); rule(box, deck); },
    setSpec: (text, columns) => set(columns, {effects: read(text).effects}), end: () => { ended = true; deck.finalize(); }};
}

export function refused(box, error) {
  styled();
  box.classList.add('pm-box');
  box.replaceChildren();
  make(box, 'pm-wait', `The map could not be drawn.\n${error.message}`);
}

// --- in a notebook or app: an anywidget -------------------------------------------------------------------------------

async function render({model, el}) {
  const box = make(el, '');                     // ipywidgets sets el's own height after render
  box.style.height = `${model.get('height')}px`;
  box.style.background = '#edf1f4';
  styled();
  box.classList.add('pm-box');
  make(box, 'pm-wait', '…');
  const packed = () => new Promise((done, failed) => {
    const late = setTimeout(() => failed(new Error('The kernel did not send deck.gl; run the cell again.')), 60000);
    const got = (message, buffers) => {
      if (message.type !== 'deck.gl') return;
      clearTimeout(late);
      model.off('msg:custom', got);
      done(buffers[0]);
    };
    model.on('msg:custom', got);
    model.send({type: 'deck.gl'});
  });
  const columns = () => {
    const all = {...model.get('columns')};
    for (const [layer, live] of Object.entries(model.get('live'))) all[layer] = {...all[layer], ...live};
    return all;
  };
  const told = info => ({layer: info.layer?.id ?? '', index: info.index ?? -1, name: String(info.object?.name ?? ''),
    code: String(info.object?.code ?? ''), longitude: info.coordinate?.[0] ?? null, latitude: info.coordinate?.[1] ?? null});
  let map = null, seen = null, last = 0, gone = false;
  const on = {
    click: info => { model.set('clicked', told(info)); model.save_changes(); },
    hover: info => {
      if (!model.get('follow_pointer') || performance.now() - last < 100) return;
      last = performance.now();
      model.set('hovered', told(info));
      model.save_changes();
    },
    error: error => console.error('practicum map:', error.message),
  };
  const state = () => ({spec: model.get('spec'), columns: columns(), overlay: model.get('overlay'), label: model.get('label'), fits: model.get('fits')});
  const start = async () => {
    if (map || gone) return;
    try {
      const D = await library(packed);
      if (!map && !gone) map = drawMap(D, box, state(), on);
      await map?.ready;
    } catch (error) { refused(box, error); }
  };
  // Browsers keep 16 drawing contexts a page: a map that is scrolled out of sight gives its own back.
  seen = new IntersectionObserver(entries => {
    const visible = entries.at(-1).isIntersecting;
    if (visible) start(); else if (map) { map.end(); map = null; box.replaceChildren(); delete box.dataset.drawn; }
  }, {rootMargin: '400px'});
  seen.observe(box);
  const failing = work => Promise.resolve().then(work).catch(error => refused(box, error));
  const onColumns = () => map && failing(() => map.setColumns(columns()));
  const onSpec = () => map && failing(() => map.setSpec(model.get('spec'), columns()));
  const onOverlay = () => map?.setOverlay(model.get('overlay'));
  const onHeight = () => { box.style.height = `${model.get('height')}px`; };
  model.on('change:columns change:live', onColumns);
  model.on('change:spec', onSpec);
  model.on('change:overlay', onOverlay);
  model.on('change:height', onHeight);
  return () => {
    gone = true;
    seen.disconnect();
    model.off('change:columns change:live', onColumns);
    model.off('change:spec', onSpec);
    model.off('change:overlay', onOverlay);
    model.off('change:height', onHeight);
    map?.end();
  };
}

export default {render};

// --- on a plain page: every <div class="practicum-map" data-map="..."> --------------------------------------------------

export function drawPage(packed) {
  const seen = new IntersectionObserver(entries => entries.forEach(async ({target, isIntersecting}) => {
    if (!isIntersecting) { target.practicumMap?.end(); target.practicumMap = null; return; }
    if (target.practicumMap || !target.dataset.map) return;
    try {
      const state = JSON.parse(await unpacked(Uint8Array.from(atob(target.dataset.map), letter => letter.charCodeAt(0))));
      target.practicumMap = drawMap(await library(packed), target, state);
      await target.practicumMap.ready;
    } catch (error) { refused(target, error); }
  }), {rootMargin: '200px'});
  document.querySelectorAll('.practicum-map').forEach(box => seen.observe(box));
}
