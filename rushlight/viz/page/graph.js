// The canvas: themes, drawing of the visible part, the pointer. The keyboard is in main.js, the outline has the same content.
import {$, bytesText, clamp, count, el} from './util.js';
import {BAD_GRAD, BAD_VALUE, isTip, pathBetween} from './model.js';
import {ALL_RUNS, hex, legendStops} from './colours.js';
import {CanvasPen, paint} from './draw.js';
import {hitTest} from './scene.js';
import {app, boxMode, change, fit, mode, pane, refit, select, selectedNode, tell, toggle, zoomAt} from './app.js';

/** Ends of the scale that the width of a card's arrow is read on. */
export const edgeScale = () => app.modes[0];

export function readTheme() {
  // Read back from an element, so that the names of system colours become numbers too.
  const probe = $('probe'), theme = {};
  for (const name of ['ground', 'ink', 'muted', 'edge', 'frame', 'plain', 'leaf', 'leafDone', 'focus', 'hit', 'step']) {
    probe.style.color = `var(--${name})`;
    theme[name] = hex(getComputedStyle(probe).color.match(/[\d.]+/g).slice(0, 3).map(Number));
  }
  app.theme = theme;
}

export function makeGraph() {
  const canvas = $('canvas');
  pane(['theme'], readTheme);
  pane(['mode', 'theme', 'scene'], legend);
  pane(['view', 'theme', 'mode', 'sel', 'step', 'hits', 'hover', 'scene'], draw);
  pane(['scene', 'tree'], () => {
    const {M, scene} = app, figures = $('figures'), text = boxes => `${count(M.many.nodes, 'node')}, ${count(M.many.edges, 'edge')}${M.many.cuts ? `, ${count(M.many.cuts, 'cut')}` : ''}: ${count(boxes, 'box', 'boxes')} drawn`;
    if (!figures.style.minWidth) {
      // As wide as it gets, so that what is beside it stays.
      figures.textContent = text(M.n);
      figures.style.minWidth = `${Math.ceil(figures.getBoundingClientRect().width)}px`;
    }
    figures.textContent = text(scene.items.filter(item => !item.frame).length);
  });
  pointer(canvas);
  new ResizeObserver(() => {
    refit();
    change('view', 'mode');
  }).observe(canvas);
}

function draw() {
  const t = performance.now(), {M, scene, state, view, theme, perf} = app, canvas = $('canvas'), k = devicePixelRatio;
  if (state.refit) {
    state.refit = false;
    fit(false);
  }
  const W = canvas.clientWidth, H = canvas.clientHeight, c = canvas.getContext('2d');
  if (canvas.width !== Math.round(W * k) || canvas.height !== Math.round(H * k)) canvas.width = Math.round(W * k), canvas.height = Math.round(H * k);
  c.setTransform(1, 0, 0, 1, 0, 0);
  c.fillStyle = theme.ground;
  c.fillRect(0, 0, canvas.width, canvas.height);
  c.setTransform(k * view.z, 0, 0, k * view.z, k * view.x, k * view.y);
  const world = [-view.x / view.z, -view.y / view.z, (W - view.x) / view.z, (H - view.y) / view.z];
  perf.drawn = paint(new CanvasPen(c), M, scene, {theme, mode: boxMode(), state, view: world, zoom: view.z, lit: litBy(state.hover),
    chip: state.hover && state.hover.chip ? state.hover.chip.leaf : undefined, ends: edgeScale()});
  perf.draw = performance.now() - t;
  perf.frames = (perf.frames || 0) + 1;
}

/** What the pointer is on, and all that uses it. */
function litBy(hover) {
  if (!hover) return null;
  const {scene} = app, keys = new Set();
  if (hover.chip) {
    for (const item of scene.items) if (item.chipMap && [...item.chipMap.values()].some(chip => chip.leaf === hover.chip.leaf)) keys.add(item.key);
    return keys;
  }
  keys.add(hover.item.key);
  for (const edge of scene.edges) if (edge.a === hover.item) keys.add(edge.b.key);
  return keys;
}

function legend() {
  const box = $('legend'), kinds = new Set(app.scene.edges.map(edge => edge.kind));
  colours(box);
  if (kinds.has(1)) box.append(el('small', {}, ' · dotted: to a view'));
  if (kinds.has(2)) box.append(el('small', {}, ' · dashed: no gradient'));
}

function colours(box) {
  const m = boxMode(), {M} = app;
  if (!m.has) return box.replaceChildren(el('p', {class: 'none'}, `No colours for ${m.name}. ${m.why}`));
  const bar = el('span', {class: 'bar', 'aria-hidden': 'true'});
  if (m.scale === 'kind') return box.replaceChildren('one colour per operation; grey: several');
  if (m.scale === 'bad') {
    return box.replaceChildren(el('span', {class: 'swatch bad'}), ' gradient ', el('span', {class: 'swatch badvalue'}), ` value: ${m.says}`);
  }
  bar.style.background = `linear-gradient(to right, ${legendStops(m).join(',')})`;
  const seen = (bits, look, text) => M.flags & bits ? [el('span', {class: `swatch ${look}`}), text] : '';
  box.replaceChildren(`${m.name}  `, ...m.low > m.high ? ['of no box'] : [m.text(m.low), ' ', bar, ' ', m.text(m.high)],
    ...seen(BAD_GRAD, 'bad', ' nan/inf gradient'), ...seen(BAD_VALUE, 'badvalue', ' nan/inf value'),
    m.adds && M.lines.n ? el('small', {}, ` of boxes: ${m.adds === 'us' ? 'forward and backward, ' : ''}the last pass; of lines: ${ALL_RUNS[m.adds]}`) : '');
}

function pointer(canvas) {
  let from = null, moved = false;
  const touches = new Map();
  const spot = event => {
    const box = canvas.getBoundingClientRect(), {view} = app;
    return [(event.clientX - box.left - view.x) / view.z, (event.clientY - box.top - view.y) / view.z];
  };
  canvas.addEventListener('pointerdown', event => {
    touches.set(event.pointerId, [event.offsetX, event.offsetY]);
    from = [event.clientX, event.clientY];
    moved = false;
    canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener('pointermove', event => {
    const {view, state} = app, old = touches.get(event.pointerId);
    if (!old) {
      const hit = hitTest(app.scene, ...spot(event)), key = hit && hit.item.key + (hit.chip ? hit.chip.leaf : '');
      if (key !== state.hoverKey) {
        state.hoverKey = key;
        state.hover = hit && !hit.item.frame ? hit : null;
        canvas.style.cursor = hit ? 'pointer' : 'grab';
        canvas.title = hit ? tip(hit) : '';
        change('hover');
      }
      return;
    }
    if (Math.hypot(event.clientX - from[0], event.clientY - from[1]) > 3) moved = true;
    const now = [event.offsetX, event.offsetY];
    if (touches.size === 2) {
      const other = [...touches].find(([id]) => id !== event.pointerId)[1], reach = p => Math.hypot(p[0] - other[0], p[1] - other[1]);
      zoomAt(clamp(reach(now) / (reach(old) || 1), .5, 2), (now[0] + other[0]) / 2, (now[1] + other[1]) / 2);
    } else if (moved) {
      view.x += now[0] - old[0];
      view.y += now[1] - old[1];
      change('view');
    }
    touches.set(event.pointerId, now);
  });
  const end = event => {
    const known = touches.delete(event.pointerId);
    if (!known || moved || event.type !== 'pointerup') return;
    const hit = hitTest(app.scene, ...spot(event));
    if (event.shiftKey && hit) return pathTo(hit);
    if (!hit) return select(null);
    if (hit.chip) return hit.chip.leaf >= 0 ? select('n' + hit.chip.leaf) : select(hit.item.key);
    select(hit.item.key);
  };
  canvas.addEventListener('pointerup', end);
  canvas.addEventListener('pointercancel', end);
  canvas.addEventListener('pointerleave', () => {
    app.state.hover = app.state.hoverKey = null;
    change('hover');
  });
  canvas.addEventListener('dblclick', event => {
    const hit = hitTest(app.scene, ...spot(event));
    if (hit && hit.item.group) toggle(hit.item.key);
  });
  canvas.addEventListener('wheel', event => {
    event.preventDefault();
    const unit = event.deltaMode ? 16 : 1;
    zoomAt(Math.exp(-event.deltaY * unit / 500), event.offsetX, event.offsetY);
  }, {passive: false});
}

function tip({item, chip}) {
  const {M} = app;
  if (chip) return chip.more ? chip.more.map(other => `${other.name}×${other.count}`).join(', ') : `${chip.name}, used ${count(chip.count, 'time')} here`;
  if (item.group) return `${item.group.label}: ${count(item.group.end - item.group.start, 'operation')}`;
  return `${item.label}${item.second ? `, ${item.second}` : ''}${M.bytes[item.id] ? `, ${bytesText(M.bytes[item.id])}` : ''}`;
}

/** The node that stands for a box: its own, or the last operation of a group. */
const standIn = item => item.id >= 0 ? item.id : app.M.perm[item.group.end - 1];

/** Lights the ways between the selection and a second box. */
export function pathTo(hit) {
  const {M, state, scene} = app, first = scene.byKey.get(state.sel), id = selectedNode();
  const a = first ? standIn(first) : id, b = hit.chip && hit.chip.leaf >= 0 ? hit.chip.leaf : standIn(hit.item);
  if (a < 0) return tell('select a box first');
  state.path = pathBetween(M, a, b);
  change('view', 'sel');
  if (!state.path) return tell('no way leads from one to the other');
  let many = 0;
  for (let i = 0; i < M.n; i++) if (state.path[i] && !isTip(M, i)) many++;
  tell(`${count(many, 'operation')} on the way`);
}
