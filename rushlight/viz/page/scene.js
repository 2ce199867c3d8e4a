// What is drawn: the open part of the tree as boxes with chips, edges merged between them, frames around open groups.
import {clip, num} from './util.js';
import {BAD, BAD_GRAD, exprOf, isGhost, isLeaf, isTip, nodeName, opName, titleOf} from './model.js';
import {addFigure, figureIn, level} from './colours.js';
import {layered} from './layout.js';
import {cardRows, isData} from './words.js';

export const FONT = '12px ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace';
const BOLD = '600 ' + FONT, SMALL = FONT.replace('12px', '11px');
export {BOLD, SMALL};
const HEAD = 24, PAD = 14, ROW = 17;

const widths = new Map();
let measure;
/** Width of a text in pixels; fonts of fixed width are measured once per letter. */
export function textWidth(text, font) {
  measure = measure || document.createElement('canvas').getContext('2d');
  let wide = widths.get(font);
  if (!wide) {
    measure.font = font;
    widths.set(font, wide = measure.measureText('MMMMMMMMMM').width / 10);
  }
  if (/^[\x20-\x7e…×²·–]*$/.test(text)) return wide * text.length;
  measure.font = font;
  return measure.measureText(text).width;
}

/**
 * Figures of a group for one mode, kept on the group: one pass over its operations. The largest gradient is that of
 * the activations, where there are any: see tiers().
 */
export function figures(M, mode, group) {
  const kept = group.figures || (group.figures = new Map());
  if (!kept.has(mode.key)) {
    const values = [NaN, NaN, NaN];
    let flags = 0;
    for (let k = group.start; k < group.end; k++) {
      flags |= M.nodes.flags[M.perm[k]];
      addFigure(M, mode, values, M.perm[k]);
    }
    kept.set(mode.key, {value: figureIn(values), bad: flags & BAD});
  }
  return kept.get(mode.key);
}

/** The scene for a state: items (boxes and frames), edges with their ways, and the bounds. gradients: their colour mode. */
export function makeScene(M, state, gradients) {
  const scene = {items: [], edges: [], owner: new Int32Array(M.n).fill(-1), byKey: new Map()};
  const top = frameOf(state.tree, null);
  visit(M, state, scene, state.tree, top);
  chips(M, state, scene);
  mergeEdges(M, scene, gradients);
  for (const item of scene.items) if (!item.frame) size(M, state, item);
  layoutFrame(top);
  spread(top, 0, 0);
  for (const edge of scene.edges) edge.points = way(edge);
  scene.left = -top.l, scene.right = top.r, scene.top = -top.inner.height / 2, scene.bottom = top.inner.height / 2;
  return scene;
}

const frameOf = (group, parent) => ({key: group.key, group, id: -1, frame: true, parent, kids: [], inside: [], ports: new Map(),
  depth: parent ? parent.depth + 1 : 0, chips: []});

function visit(M, state, scene, group, frame) {
  const add = item => {
    scene.byKey.set(item.key, item);
    scene.items.push(item);
    frame.kids.push(item);
  };
  for (const child of group.children) {
    if (typeof child !== 'object') {
      scene.owner[child] = scene.items.length;
      add({key: 'n' + child, id: child, parent: frame, chips: [], n: 1});
    } else if (state.open.has(child.key)) {
      const inner = frameOf(child, frame);
      add(inner);
      visit(M, state, scene, child, inner);
    } else {
      for (let k = child.start; k < child.end; k++) scene.owner[M.perm[k]] = scene.items.length;
      add({key: child.key, id: -1, group: child, parent: frame, chips: [], n: child.end - child.start});
    }
  }
}

/** Leaves and cuts that have no box are chips on the boxes that use them. */
function chips(M, state, scene) {
  const {src, dst} = M.edges;
  for (let e = 0; e < M.edges.n; e++) {
    const tip = src[e];
    if (!isTip(M, tip) || scene.owner[tip] >= 0) continue;
    const ghost = isGhost(M, tip), owner = scene.owner[dst[e]];
    // Data without requires_grad is no cut of a chain: only cards, which have room, show it.
    if (owner < 0 || ghost && (!state.cuts || isData(M, tip))) continue;
    const item = scene.items[owner], map = item.chipMap || (item.chipMap = new Map());
    const name = nodeName(M, tip), key = ghost ? `${opName(M, tip)} ${name}` : tip;
    const chip = map.get(key);
    if (chip) chip.count++;
    else map.set(key, {leaf: tip, ghost, count: 1, name: (ghost ? '✂ ' : '') + clip(name || (ghost ? opName(M, tip) : 'leaf'), 16)});
  }
}

function mergeEdges(M, scene, gradients) {
  const {src, dst, kind} = M.edges, {owner, items} = scene, merged = new Map(), many = items.length;
  for (let e = 0; e < M.edges.n; e++) {
    const a = owner[src[e]], b = owner[dst[e]];
    if (a < 0 || b < 0 || a === b) continue;
    const key = a * many + b, known = merged.get(key), norm = M.norm[src[e]];
    if (!known) merged.set(key, {a: items[a], b: items[b], n: 1, kind: kind[e], norm, bad: M.nodes.flags[src[e]] & BAD_GRAD, w: 1});
    else {
      known.n++;
      known.kind = Math.min(known.kind, kind[e]);
      known.bad |= M.nodes.flags[src[e]] & BAD_GRAD;
      if (!(known.norm >= norm)) known.norm = norm;
    }
  }
  scene.edges = [...merged.values()];
  for (const edge of scene.edges) {
    // Of paths as long as each other, the one of the larger gradients is to run straight.
    edge.w = 1 + Math.log2(edge.n) + .5 * Math.log2(edge.a.n * edge.b.n) + (gradients.has && level(gradients, edge.norm) || 0);
    edge.parts = [];
    join(edge);
  }
}

/** Cuts an edge into parts, one per frame that it crosses and one where both ends meet. */
function join(edge) {
  let a = edge.a, b = edge.b, aPort = null, bPort = null;
  const after = [];
  while (a.parent !== b.parent) {
    if (a.parent.depth >= b.parent.depth) {
      const port = portOf(a.parent, edge.a, 1);
      edge.parts.push(part(a.parent, a, aPort, port, null, edge.w));
      aPort = port;
      a = a.parent;
    } else {
      const port = portOf(b.parent, edge.b, -1);
      after.unshift(part(b.parent, port, null, b, bPort, edge.w));
      bPort = port;
      b = b.parent;
    }
  }
  edge.parts.push(part(a.parent, a, aPort, b, bPort, edge.w), ...after);
}

function portOf(frame, item, side) {
  const key = side + item.key;
  if (!frame.ports.has(key)) frame.ports.set(key, {port: side, l: 3, r: 3, h: 0, parts: new Map()});
  return frame.ports.get(key);
}

function part(frame, s, sPort, t, tPort, w) {
  const made = {frame, a: s, aPort: sPort, b: t, bPort: tPort, w};
  frame.inside.push(made);
  return made;
}

/** Sizes and texts of a box. */
function size(M, state, item) {
  const {id, group} = item;
  if (group) {
    item.label = group.label;
    item.w = Math.max(168, textWidth(item.label, BOLD) + 28);
    item.h = 46;
  } else {
    const title = clip(titleOf(M, id), 30), op = opName(M, id), tip = isTip(M, id);
    item.ghost = isGhost(M, id);
    item.leaf = isLeaf(M, id);
    item.label = item.ghost ? `✂ ${clip(op, 30)}` : state.names || tip ? title : op;
    item.second = item.ghost ? clip(nodeName(M, id) || exprOf(M, id), 34) : tip ? 'leaf' : state.names ? op : title === op ? '' : title;
    if (state.cards) {
      item.rows = cardRows(M, state, id);
      const key = Math.max(0, ...item.rows.map(row => textWidth(row[0], SMALL)));
      item.keyWidth = key;
      const head = textWidth(item.label, BOLD) + textWidth(item.second, SMALL) + 44;
      item.w = Math.max(170, head, ...item.rows.map(row => key + 26 + textWidth(row[1], SMALL)));
      item.h = 26 + ROW * item.rows.length + (item.rows.length ? 8 : 0);
    } else {
      item.w = Math.max(104, textWidth(item.label, BOLD) + 22, textWidth(item.second, SMALL) + 22);
      item.h = item.second ? 40 : 28;
    }
  }
  item.chips = [];
  let left = -item.w / 2 - 6;
  const list = [...(item.chipMap || new Map()).values()].sort((a, b) => a.ghost - b.ghost || b.count - a.count);
  const shown = list.length > 4 ? list.slice(0, 3) : list;
  if (list.length > 4) shown.push({leaf: -1, count: 1, more: list.slice(3), name: `+${list.length - 3}`});
  for (const chip of shown) {
    chip.text = chip.name + (chip.count > 1 ? `×${chip.count}` : '');
    chip.w = textWidth(chip.text, SMALL) + 12;
    chip.x = left - chip.w;
    chip.h = 20;
    left = chip.x - 4;
    item.chips.push(chip);
  }
  item.l = item.chips.length ? -left : item.w / 2;
  item.r = item.w / 2;
}

/** Places the boxes of a frame around its own origin; frames inside first. */
function layoutFrame(frame) {
  for (const kid of frame.kids) if (kid.frame) layoutFrame(kid);
  const boxes = [...frame.kids, ...frame.ports.values()], place = new Map();
  boxes.forEach((box, k) => {
    place.set(box, k);
    box.pin = false;
  });
  const edges = new Map();
  for (const made of frame.inside) {
    const s = place.get(made.a), t = place.get(made.b), so = made.aPort ? made.aPort.x : 0, to = made.bPort ? made.bPort.x : 0;
    const key = `${s} ${t} ${so} ${to}`, known = edges.get(key);
    if (known) known.w += made.w, made.edge = known;
    else edges.set(key, made.edge = {s, t, so, to, w: made.w});
  }
  const inner = layered(boxes, [...edges.values()]);
  frame.inner = inner;
  const head = frame.parent ? HEAD : 0, pad = frame.parent ? PAD : 0;
  const wide = frame.parent ? textWidth(frame.group.label, BOLD) + 40 : 0;
  frame.l = inner.left + pad;
  frame.r = Math.max(inner.right + pad, wide - frame.l);
  frame.h = inner.height + head + pad;
  frame.label = frame.group.label;
}

/** Turns places within frames into places in the drawing. */
function spread(frame, x, y) {
  frame.originX = x;
  frame.originY = y - frame.inner.height / 2 + (frame.parent ? (HEAD - PAD) / 2 : 0);
  for (const kid of frame.kids) {
    kid.x += x;
    kid.y += frame.originY;
    if (kid.frame) spread(kid, kid.x, kid.y);
  }
}

/** The way of an edge: [x, top, bottom] where it runs straight down, from box to box. */
function way(edge) {
  const points = [];
  edge.parts.forEach(made => {
    const {frame} = made, dx = frame.originX, dy = frame.originY, {chain, back} = made.edge;
    const outer = frame.parent && frame.parent.originY, list = back ? chain.slice().reverse() : chain;
    list.forEach((box, k) => {
      if (box.bend) points.push([box.x + dx, box.rowTop + dy, box.rowEnd + dy]);
      else if (box.port) points.push([box.x + dx, box.port < 0 ? frame.rowTop + outer : box.y + dy, box.port < 0 ? box.y + dy : frame.rowEnd + outer]);
      // Straight through the row, which may have taller boxes beside it.
      else if (k === 0 && box === edge.a) points.push([box.x, box.y + box.h / 2, box.rowEnd + dy]);
      else if (k === list.length - 1 && box === edge.b) points.push([box.x, box.rowTop + dy, box.y - box.h / 2]);
    });
    edge.back = edge.back || back;
  });
  if (edge.back) {
    const first = points[0], last = points[points.length - 1];
    first[1] = first[2] = edge.a.y - edge.a.h / 2;
    last[1] = last[2] = edge.b.y + edge.b.h / 2;
    // Beside the way down, on the right.
    first[0] += edge.a.w / 2 - 14;
    last[0] += edge.b.w / 2 - 14;
  }
  return points.filter((p, k) => !k || p[0] !== points[k - 1][0] || p[1] !== points[k - 1][1] || p[2] !== points[k - 1][2]);
}

/** The box that shows a node: its own, or the closed group's that holds it. */
export const itemOf = (scene, id) => scene.items[scene.owner[id]];

export function hitTest(scene, x, y) {
  for (let k = scene.items.length - 1; k >= 0; k--) {
    const item = scene.items[k];
    if (y < item.y - item.h / 2 || y > item.y + item.h / 2) continue;
    if (item.frame) {
      if (x >= item.x - item.l && x <= item.x + item.r && y < item.y - item.h / 2 + HEAD) return {item};
      continue;
    }
    if (Math.abs(x - item.x) <= item.w / 2) return {item};
    for (const chip of item.chips) {
      if (x >= item.x + chip.x && x <= item.x + chip.x + chip.w && Math.abs(y - item.y) <= chip.h / 2) return {item, chip};
    }
  }
  return null;
}

export {ROW};
export const figureText = (mode, x) => Number.isNaN(x) ? '' : mode.scale === 'log' && mode.unit === '|grad|' ? `|g| ${num(x)}` : mode.text(x);
