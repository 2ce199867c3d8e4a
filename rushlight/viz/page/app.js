// The page's state and what changes it. A change names its aspects; one frame later the panes that read them are drawn anew.
import {$, announce, clamp, count} from './util.js';
import {GHOST} from './model.js';
import {spoken} from './words.js';
import {GROUPINGS, makeGroups} from './groups.js';
import {figures, itemOf, makeScene} from './scene.js';
import {fitted} from './colours.js';
import {figureOf} from './draw.js';

const CARDS_MOST = 30;
export const CARDS_ALLOWED = 400;
const START_BOXES = 40;
const READABLE = .55;  // the least zoom: letters of 12 pixels have 6.6
const TRIALS = 4e5;  // groups times nodes: tried one by one, some 0.2 s

export const app = {M: null, modes: [], state: null, scene: null, view: {x: 0, y: 0, z: 1}, panes: [], perf: {}};

/** Calls draw after a frame in which one of these aspects has changed. */
export const pane = (aspects, draw) => app.panes.push({aspects, draw});

let changed = new Set();
/** Aspects: tree, scene, view, sel, mode, step, hits, hover, theme, told. */
export function change(...aspects) {
  if (!changed.size) requestAnimationFrame(render);
  for (const aspect of aspects) changed.add(aspect);
}

export function render() {
  const now = changed;
  if (!now.size) return;
  changed = new Set();
  const {M, state, perf} = app;
  let t = performance.now(), fresh = null;
  if (now.has('tree')) {
    state.tree = makeGroups(M, state.by, boxed);
    if (!state.open) {
      fresh = startGroups(state.tree);
      state.open = new Set(fresh.map(group => group.key));
    }
    now.add('scene');
    perf.group = performance.now() - t;
    t = performance.now();
  }
  if (now.has('scene')) {
    const held = state.anchor && app.scene && app.scene.byKey.get(state.anchor);
    app.scene = makeScene(M, state, app.modes[0]);
    if (fresh && !state.cards && zooms()[0] < READABLE) openWhatFits(fresh);
    const again = held && app.scene.byKey.get(state.anchor);
    // What the hand is on stays where it is.
    if (again) app.view.x += (held.x - again.x) * app.view.z, app.view.y += (held.y - held.h / 2 - again.y + again.h / 2) * app.view.z;
    state.anchor = null;
    perf.layout = performance.now() - t;
    now.add('view');
  }
  if (state.center) {
    const item = app.scene.byKey.get(state.center);
    state.center = null;
    if (item) centre(item);
  }
  for (const {aspects, draw} of app.panes) if (aspects.some(aspect => now.has(aspect))) draw(now);
}

/** A leaf or a cut is a chip on its users, and a box only on cards, or where nothing uses it or something feeds it. */
function boxed(i) {
  const {M, state} = app;
  return state.cards ? state.cuts || !(M.nodes.flags[i] & GHOST) : !M.users(i).length || M.ins(i).length > 0;
}

/** Groups that are open at first: level by level while the boxes are few; of a level, the last ones first. */
function startGroups(tree) {
  const open = [];
  let level = tree.children.filter(child => typeof child === 'object'), boxes = tree.children.length;
  while (level.length) {
    for (const group of level) boxes += group.children.length - 1;
    if (boxes > START_BOXES) break;
    open.push(...level.slice().reverse());
    level = level.flatMap(group => group.children).filter(child => typeof child === 'object');
  }
  return open;
}

/** Of these groups, opens those with which the drawing can be read whole, or across where it is too tall anyway. */
function openWhatFits(groups) {
  const {M, state} = app, draw = () => app.scene = makeScene(M, state, app.modes[0]);
  state.open = new Set();
  draw();
  const k = zooms()[0] < READABLE ? 1 : 0;
  if (groups.length * M.n > TRIALS) return;
  for (const {key, parent} of groups) {
    if (parent.parent && !state.open.has(parent.key)) continue;
    state.open.add(key);
    draw();
    if (zooms()[k] < READABLE) state.open.delete(key);
  }
  draw();
}

export function start(M, modes) {
  const small = M.n <= CARDS_MOST;
  app.M = M;
  app.modes = modes;
  app.state = {by: M.scopes.n && M.scopes.kind.includes(0) ? 'module' : 'loop', mode: Math.max(0, modes.findIndex(m => m.has)), names: true, cards: small, cuts: true, open: null, sel: null, path: null, hits: null,
    list: [], at: -1, step: -1, hover: null, auto: new Set(), line: null, wayFrom: null, chipBox: null};
  change('tree', 'scene', 'view', 'sel', 'mode', 'step', 'hits', 'hover', 'theme');
}

/** Says what nothing else shows: to a screen reader, and over the backward pass until something else is chosen. */
export function tell(text) {
  announce(app.state.told = text);
  change('told');
}

export const mode = () => app.modes[app.state.mode];

/** The colours of the boxes that are drawn, which are sums in some modes. */
export function boxMode() {
  const {M, scene} = app, m = mode(), kept = scene.modes || (scene.modes = {});
  return kept[m.key] || (kept[m.key] = fitted(m, scene.items.filter(item => !item.frame).map(item => figureOf(M, m, item).value)));
}

/** Whether it is seen from outside a group that something in it is not finite. */
export const badInside = group => figures(app.M, app.modes[0], group).bad ? ', nan/inf inside' : '';

export const selectedItem = () => app.scene.byKey.get(app.state.sel) || null;
export const selectedNode = () => /^n\d+$/.test(app.state.sel || '') ? +app.state.sel.slice(1) : -1;

export function select(key, {centred = false, quiet = false} = {}) {
  const {state} = app;
  state.sel = key;
  state.path = state.told = null;
  if (centred) state.center = key;
  change('sel', 'view');
  if (!quiet) announce(key ? describe(key) : 'nothing selected');
}

export function describe(key) {
  const {M, scene} = app;
  if (/^n\d+$/.test(key)) return spoken(M, +key.slice(1));
  const item = scene.byKey.get(key);
  return item ? `${item.group.label}, ${count(item.group.end - item.group.start, 'operation')}, ${item.frame ? 'open' : 'closed'}${badInside(item.group)}` : '';
}

function ancestors(id) {
  const list = [];
  for (let g = app.M.groupOf[id]; g && g.parent; g = g.parent) list.push(g.key);
  return list;
}

/** Opens the groups above a node. auto: closes the ones that the step before opened. */
export function reveal(id, auto) {
  const {M, state} = app, at = M.pos[id] < 0 ? firstUser(id) : id;
  if (at < 0) return;
  const needed = ancestors(at);
  if (auto) {
    for (const key of state.auto) if (!needed.includes(key)) state.open.delete(key), state.auto.delete(key), change('scene');
  }
  for (const key of needed) {
    if (state.open.has(key)) continue;
    state.open.add(key);
    if (auto) state.auto.add(key);
    change('scene');
  }
}

function firstUser(id) {
  const {M} = app, uses = M.users(id);
  return uses.length ? M.edges.dst[uses[0]] : -1;
}

/** Opens what hides a node, selects it and brings it into the middle. */
export function goTo(id, {auto = false, quiet = false} = {}) {
  const {M, state} = app;
  reveal(id, auto);
  select('n' + id, {quiet});
  state.center = 'n' + (M.pos[id] < 0 ? firstUser(id) : id);
}

export function toggle(key) {
  const {state, scene} = app, item = scene.byKey.get(key);
  if (!item || !item.group) return;
  const opens = !state.open.delete(key);
  if (opens) state.open.add(key);
  state.auto.delete(key);
  state.anchor = key;
  change('scene', 'sel');
  announce(`${item.group.label} ${opens ? 'opened' : 'closed'}`);
}

/** Closes the selected group, or the one around the selection. */
export function closeAround() {
  const {state, M} = app, item = selectedItem(), id = selectedNode();
  let group = item && item.frame ? item.group : item && item.parent.group;
  if (!item && id >= 0) group = M.groupOf[M.pos[id] < 0 ? firstUser(id) : id];
  if (!group || !group.parent) return tell(item || id >= 0 ? 'no group around it' : 'select a box first');
  state.open.delete(group.key);
  state.auto.delete(group.key);
  state.anchor = group.key;
  state.sel = group.key;
  change('scene', 'sel');
  announce(`${group.label} closed`);
}

export function setMode(k) {
  const {state, modes} = app;
  if (!modes[k]) return;
  state.mode = k;
  state.told = null;
  change('mode', 'view');
  announce(`colours: ${modes[k].name}${modes[k].has ? '' : `. ${modes[k].why}`}`);
}

export function setGrouping(by) {
  const {state} = app;
  const boxes = app.M.n - app.M.leaves.length;
  if (by === 'none' && boxes > 20000) {
    tell(`${count(boxes, 'operation')} are too many for one drawing without groups`);
    change('mode');
    return;
  }
  Object.assign(state, {by, open: null, auto: new Set(), wayFrom: null});
  state.tree = null;
  change('tree', 'sel');
  state.refit = true;
  announce(`grouped by ${GROUPINGS[by][0]}`);
}

/** Moves to a step of the backward pass; -1 leaves it. */
export function setStep(k, follow = true) {
  const {M, state} = app, last = M.byOrder.length - 1;
  if (last < 0) return tell('The backward pass has no order: it was not run, or not recorded.');
  state.step = clamp(k, -1, last);
  state.told = null;
  change('step', 'view');
  if (state.cards) change('scene');
  if (state.step < 0) return announce('before the backward pass');
  if (follow) goTo(M.byOrder[state.step], {auto: true, quiet: true});
}

export function worst() {
  const {M} = app, m = app.modes[0];
  let best = -1;
  for (let tier = 0; tier < 3 && best < 0; tier++) {
    for (let i = 0; i < M.n; i++) {
      if (M.tier[i] === tier && Number.isFinite(M.norm[i]) && (best < 0 || M.norm[i] > M.norm[best])) best = i;
    }
  }
  if (best < 0) return tell(m.why);
  goTo(best);
}

/** The first operation with nan or inf: by its gradient in backward order, or by its value in forward order. */
export function firstBad(forward) {
  const {M} = app, order = forward ? [M.firstBadValue, M.firstBadGrad] : [M.firstBadGrad, M.firstBadValue];
  const id = order.find(i => i >= 0);
  if (id === undefined) return tell(app.modes[2].has ? app.modes[2].says : app.modes[2].why);
  goTo(id);
}

/** Along an edge: up to an input, down to a user; left and right to the neighbours in the row. */
export function walk(direction) {
  const {scene, state} = app, id = selectedNode(), box = selectedItem(), item = box || (id >= 0 && (chipBox(id) || itemOf(scene, firstUser(id))));
  if (!scene.items.length) return tell('there is nothing to go to');
  if (!item) return select(lastItem().key, {centred: true});
  const chips = item.chips.filter(chip => chip.leaf >= 0), at = box ? -1 : chips.findIndex(chip => chip.leaf === id);
  const toChip = (k, none) => {
    if (!chips[k]) return tell(none);
    select('n' + chips[k].leaf);
    state.chipBox = item.key;
  };
  // Chips stand in a row to the left of their box.
  if (at >= 0 && direction === 'left') return toChip(at + 1, 'nothing beside it');
  if (at >= 0 && direction === 'up') return tell('no inputs');
  if (at >= 0) return direction === 'right' && at ? toChip(at - 1) : select(item.key, {centred: true});
  if (direction === 'left' || direction === 'right') {
    const row = item.parent.kids.filter(kid => Math.abs(kid.y - item.y) < 12).sort((a, b) => a.x - b.x);
    const next = row[row.indexOf(item) + (direction === 'left' ? -1 : 1)];
    if (next) return select(next.key, {centred: true});
    return toChip(direction === 'left' ? 0 : -1, 'nothing beside it');
  }
  const up = direction === 'up', within = other => item.frame ? inFrame(other, item) : other === item;
  const pinned = e => (up ? e.a : e.b).pin ? 1 : 0;
  const edges = scene.edges.filter(e => within(up ? e.b : e.a) && !within(up ? e.a : e.b)).sort((a, b) => pinned(b) - pinned(a) || b.w - a.w);
  if (!edges.length) {
    return toChip(up ? 0 : -1, up ? 'no inputs' : 'no users');
  }
  select((up ? edges[0].a : edges[0].b).key, {centred: true});
}

/** The box that the selected chip was reached from, where it still has it. */
function chipBox(id) {
  const item = app.scene.byKey.get(app.state.chipBox);
  return item && item.chips.some(chip => chip.leaf === id) ? item : null;
}

const inFrame = (item, frame) => {
  for (let at = item; at; at = at.parent) if (at === frame) return true;
  return false;
};

const lastItem = () => app.scene.items.filter(item => !item.frame).reduce((a, b) => b.y > a.y ? b : a);

/** The part of the pane that the legend leaves free. */
function room() {
  const {clientWidth: w, clientHeight: h} = $('canvas'), top = $('legend').offsetTop;
  return {w, h: top < h && top > h / 2 ? top : h};
}

/** Zoom at which the whole drawing goes into the pane, and the one for its width alone. */
function zooms() {
  const {scene} = app, {w, h} = room(), across = (w - 40) / (scene.right - scene.left);
  return [Math.min(across, (h - 32) / (scene.bottom - scene.top)), across];
}

/** Whether the drawing can be read across the pane; one that is too tall is moved. */
export const readable = () => !(zooms()[1] < READABLE);

// Where fit() has put the drawing, and whether all of it.
let placed = {};
const still = () => ['x', 'y', 'z'].every(key => placed[key] === app.view[key]);

/** Puts the whole drawing into the pane, or its end where that would be too small to read; all of it, where again. */
export const fit = again => place(again && still() && !placed.all);

/** After the pane has changed its size: as before, where nobody has moved the drawing. */
export function refit() {
  if (still()) place(placed.all);
}

function place(all) {
  const {scene, view} = app, {w, h} = room(), [whole, across] = zooms();
  const z = all || whole >= READABLE ? Math.min(whole, 1.15) : across < READABLE ? .7 : Math.min(across, .8);
  const spare = w / z / 2 - 20 / z, {left, right, top, bottom} = scene;
  // Where it does not fit across, the loss is as near to the middle as leaves no side of the pane empty.
  const x = right - left <= 2 * spare ? (left + right) / 2 : clamp(scene.items.length ? lastItem().x : 0, left + spare, right - spare);
  view.x = w / 2 - x * z;
  view.y = (bottom - top) * z <= h - 24 ? h / 2 - (top + bottom) / 2 * z : h - 16 - bottom * z;
  view.z = z;
  placed = {...view, all};
  change('view');
}

/** Brings a box into sight: by the shortest way where it is near, into the middle where it is far. */
function centre(item) {
  const {view} = app, box = $('canvas').getBoundingClientRect(), left = view.x + (item.x - item.l) * view.z, right = view.x + (item.x + item.r) * view.z;
  const top = view.y + (item.y - item.h / 2) * view.z, bottom = top + item.h * view.z;
  if (view.z >= .5) {
    const fold = (low, high, end) => low < 12 ? Math.min(12 - low, end) : high > end - 44 ? Math.max(end - 44 - high, -end) : 0;
    const dx = fold(left, right, box.width), dy = fold(top, bottom, box.height);
    if (Math.abs(dx) < box.width / 3 && Math.abs(dy) < box.height / 3) {
      view.x += dx;
      view.y += dy;
      return;
    }
  } else view.z = .8;
  view.x = box.width / 2 - item.x * view.z;
  view.y = box.height / 2 - (item.frame ? item.y - item.h / 2 + 60 : item.y) * view.z;
}

export function zoomAt(factor, x, y) {
  const {view} = app, z = clamp(view.z * factor, .01, 6), f = z / view.z;
  Object.assign(view, {x: x - (x - view.x) * f, y: y - (y - view.y) * f, z});
  change('view');
}
