// The columnar model as typed arrays, with what the panes look up: rows by node, norms, gains.
import {NONE} from './util.js';

const TYPES = {u8: Uint8Array, u16: Uint16Array, u32: Uint32Array, f32: Float32Array, f64: Float64Array};
const LEAF = 1, ROOT = 2, VIEW = 4, FREED = 8, CUSTOM = 16, GHOST = 512;
const NAN_VALUE = 32, INF_VALUE = 64, NAN_GRAD = 128, INF_GRAD = 256;
const BAD_VALUE = NAN_VALUE | INF_VALUE, BAD_GRAD = NAN_GRAD | INF_GRAD, BAD = BAD_VALUE | BAD_GRAD;
export {LEAF, ROOT, VIEW, FREED, CUSTOM, GHOST, NAN_VALUE, INF_VALUE, NAN_GRAD, INF_GRAD, BAD_VALUE, BAD_GRAD, BAD};

const bytesOf = text => Uint8Array.fromBase64 ? Uint8Array.fromBase64(text)
  : Uint8Array.from(atob(text), c => c.charCodeAt(0));

/** The model inside base64 of gzip of JSON. */
export async function unpack(text) {
  const stream = new Blob([bytesOf(text)]).stream().pipeThrough(new DecompressionStream('gzip'));
  return JSON.parse(await new Response(stream).text());
}

const column = c => c && c.b != null ? new TYPES[c.t](bytesOf(c.b).buffer) : null;

/** A table whose columns are unpacked when they are first looked at: most are not. */
function table(given) {
  const made = {n: 0};
  for (const name in given || {}) {
    if (name === 'n') made.n = given.n;
    else Object.defineProperty(made, name, {configurable: true, enumerable: true, get: () => put(made, name, column(given[name]))});
  }
  return made;
}

function put(made, name, value) {
  Object.defineProperty(made, name, {value, writable: true, configurable: true, enumerable: true});
  return value;
}

/** Rows of each node: all of i's are rows[start[i]] .. rows[start[i + 1] - 1], in order. */
export function index(nodes, n) {
  const start = new Uint32Array(n + 1), rows = new Uint32Array(nodes ? nodes.length : 0);
  for (const i of nodes || []) start[i + 1]++;
  for (let i = 0; i < n; i++) start[i + 1] += start[i];
  const next = start.slice();
  for (let r = 0; r < rows.length; r++) rows[next[nodes[r]]++] = r;
  return i => rows.subarray(start[i], start[i + 1]);
}

const TABLES = ['sites', 'scopes', 'nodes', 'outs', 'saved', 'attrs', 'edges', 'values', 'grads', 'rules', 'cuts', 'steps',
  'lines'];

export function readModel(D) {
  const M = {D, strs: D.strs, files: (D.files || []).map(file => ({...file})), params: D.params || {}};
  for (const name of TABLES) M[name] = table(D[name]);
  for (const name of ['bins', 'data', 'shapes']) M[name] = column(D[name]) || [];
  addGhosts(M);
  const n = M.n = M.nodes.n, {flags, site, order} = M.nodes, {sites, edges} = M;
  M.str = i => i === NONE ? '' : M.strs[i] || '';
  for (const name of ['outs', 'saved', 'attrs', 'values', 'grads', 'rules']) {
    let rows;
    M[name].of = i => (rows = rows || index(M[name].node, n))(i);
  }
  M.ins = index(edges.dst, n);
  M.users = index(edges.src, n);
  M.line = new Uint32Array(n);
  M.file = new Uint32Array(n).fill(NONE);
  for (let i = 0; i < n; i++) {
    if (site[i] !== NONE && sites.line[site[i]] !== NONE) M.line[i] = sites.line[site[i]], M.file[i] = sites.file[site[i]];
  }
  M.norm = new Float64Array(n).fill(NaN);
  const {grads} = M;
  const {node, norm} = grads;
  for (let r = 0; r < grads.n; r++) {
    if (!(M.norm[node[r]] >= norm[r])) M.norm[node[r]] = norm[r];
  }
  for (const [t, nan, inf] of [[M.values, NAN_VALUE, INF_VALUE], [grads, NAN_GRAD, INF_GRAD]]) {
    for (let r = 0; r < t.n; r++) flags[t.node[r]] |= (t.nan[r] ? nan : 0) | (t.inf[r] ? inf : 0);
  }
  M.bytes = new Float64Array(n);
  const {node: owner, bytes} = M.outs;
  for (let r = 0; r < M.outs.n; r++) M.bytes[owner[r]] += bytes[r] || 0;
  const us = table(D.us);
  M.fwd = us.fwd;
  M.bwd = us.bwd;
  M.alive = table(D.mem).alive;
  // Sites of calls that consist of several operations: their expression names none of them.
  M.several = new Uint8Array(sites.n);
  const opAt = new Int32Array(sites.n).fill(-1), {op} = M.nodes;
  for (let i = 0; i < n; i++) {
    if (site[i] === NONE || flags[i] & (LEAF | GHOST)) continue;
    if (opAt[site[i]] < 0) opAt[site[i]] = op[i];
    else if (opAt[site[i]] !== op[i]) M.several[site[i]] = 1;
  }
  const ran = [];
  for (let i = 0; i < n; i++) if (order[i] !== NONE) ran.push(i);
  M.byOrder = Uint32Array.from(ran).sort((a, b) => order[a] - order[b]);
  M.rank = new Int32Array(n).fill(-1);
  M.byOrder.forEach((i, k) => M.rank[i] = k);
  M.paramOf = new Map(Object.entries(M.params).map(([name, i]) => [i, name]));
  M.lane = lanes(M);
  M.tier = tiers(M);
  M.leaves = [];
  M.firstBadGrad = M.firstBadValue = -1;
  M.bad = M.flags = 0;
  M.many = {nodes: n, edges: edges.n, cuts: 0};
  for (const kind of edges.kind || []) if (kind === 2) M.many.edges--;
  for (let i = 0; i < n; i++) {
    M.flags |= flags[i];
    if (flags[i] & GHOST) M.many.nodes--, M.many.cuts++;
    if (flags[i] & LEAF) M.leaves.push(i);
    if (flags[i] & BAD) M.bad++;
    if (flags[i] & BAD_VALUE && M.firstBadValue < 0) M.firstBadValue = i;
  }
  placeLeaves(M);
  for (const i of M.byOrder) {
    if (flags[i] & BAD_GRAD) {
      M.firstBadGrad = i;
      break;
    }
  }
  return M;
}

/** A leaf has no place of its own: it gets the line that gives its variable a value, where one line alone does. */
function placeLeaves(M) {
  const known = new Map();
  const linesOf = file => {
    const lines = {};
    (file.text || '').split('\n').forEach((row, k) => {
      const found = /^\s*([A-Za-z_][\w, ]*?)\s*=(?!=)/.exec(row);
      for (const name of found ? found[1].split(/\s*,\s*/) : []) lines[`$${name}`] = `$${name}` in lines ? 0 : k + 1;
    });
    return lines;
  };
  for (const i of M.leaves) {
    const [e] = M.users(i), file = e === undefined ? NONE : M.file[M.edges.dst[e]];
    if (M.file[i] !== NONE || file === NONE) continue;
    if (!known.has(file)) known.set(file, linesOf(M.files[file]));
    const line = known.get(file)[`$${nodeName(M, i)}`];
    if (line) M.file[i] = file, M.line[i] = line;
  }
}

const GLUE = /^(T|Transpose|Permute|View|UnsafeView|Reshape\w*|Expand|Squeeze|Unsqueeze|Detach|ToCopy|Clone)Backward/;

/** 1 for leaves and what only turns a leaf around, 0 for activations: their gradients are of another size. */
function lanes(M) {
  const made = new Uint8Array(M.n), glue = M.strs.map(text => GLUE.test(text));
  for (let i = 0; i < M.n; i++) {
    if (isLeaf(M, i)) made[i] = 1;
    else if (glue[M.nodes.op[i]]) {
      const ins = M.ins(i);
      made[i] = ins.length && ins.every(e => made[M.edges.src[e]]) ? 1 : 0;
    }
  }
  return made;
}

/**
 * Whose gradient speaks for a group: 0 activations, 1 single numbers, 2 parameters. A loss that a loop adds up has
 * gradient 1 in each turn, and would hide how those of the activations vanish.
 */
function tiers(M) {
  const made = new Uint8Array(M.n).fill(1), {node, dims, rank} = M.outs;
  for (let r = 0; r < M.outs.n; r++) {
    for (let k = dims[r]; k < dims[r] + rank[r]; k++) if (M.shapes[k] > 1) made[node[r]] = 0;
  }
  for (let i = 0; i < M.n; i++) if (M.lane[i]) made[i] = 2;
  return made;
}

/** A cut that the model holds only as a row becomes a ghost node, so that it is drawn like the rest. */
function addGhosts(M) {
  const {cuts, nodes, edges} = M, known = new Map();
  M.cutOf = new Map();
  for (let e = 0; e < edges.n; e++) {
    if (edges.kind[e] === 2) known.set(edges.dst[e] * 65536 + edges.in[e], edges.src[e]);
  }
  const more = [];
  for (let r = 0; r < cuts.n; r++) {
    const ghost = known.get(cuts.node[r] * 65536 + cuts.in[r]);
    if (ghost === undefined) more.push(r);
    else M.cutOf.set(ghost, r);
  }
  if (!more.length) return;
  const n = nodes.n, grow = (t, extra) => {
    for (const name of Object.keys(t).filter(key => key !== 'n')) {
      const old = t[name], grown = new old.constructor(old.length + more.length);
      grown.set(old);
      more.forEach((r, k) => grown[old.length + k] = extra[name] ? extra[name](r, k) : NONE);
      put(t, name, grown);
    }
    t.n += more.length;
  };
  more.forEach((r, k) => M.cutOf.set(n + k, r));
  const none = () => NONE;
  grow(nodes, {op: r => cuts.reason[r], site: r => cuts.site[r], scope: r => nodes.scope[cuts.node[r]],
    iter: r => nodes.iter[cuts.node[r]], order: none, name: r => cuts.name[r], flags: () => GHOST});
  grow(edges, {src: (r, k) => n + k, dst: r => cuts.node[r], in: r => cuts.in[r], out: () => 0, kind: () => 2});
}

export const isTip = (M, i) => (M.nodes.flags[i] & (LEAF | GHOST)) !== 0;
export const isLeaf = (M, i) => (M.nodes.flags[i] & LEAF) !== 0;
export const isGhost = (M, i) => (M.nodes.flags[i] & GHOST) !== 0;
export const opName = (M, i) => M.str(M.nodes.op[i]);
export const nodeName = (M, i) => M.str(M.nodes.name[i]) || M.paramOf.get(i) || '';
export const exprOf = (M, i) => M.nodes.site[i] === NONE ? '' : M.str(M.sites.expr[M.nodes.site[i]]).replace(/\s+/g, ' ').trim();

/** What a person calls the node: its variable, its expression, or the operation. */
export function titleOf(M, i) {
  if (isGhost(M, i)) return nodeName(M, i) || exprOf(M, i) || 'cut';
  const name = nodeName(M, i), site = M.nodes.site[i];
  if (name || isLeaf(M, i)) return name || 'leaf';
  // As title() in _iterations.py: a class of the program, whose node has no number, keeps its letters.
  const op = opName(M, i).replace(/^(.+)Backward\d+$/, (_, head) => head.toLowerCase()).replace(/(.)Backward$/, '$1');
  if (site === NONE || !M.several[site]) return exprOf(M, i).slice(0, 160) || op;
  return [scopePath(M, i).slice(1).join('.'), op].filter(Boolean).join(' ');
}

export function sourceLine(M, i) {
  const file = M.files[M.file[i]];
  if (!file || file.text == null) return '';
  file.rows = file.rows || file.text.split('\n');
  return (file.rows[M.line[i] - 1] || '').trim();
}

export function scopePath(M, i) {
  const path = [];
  for (let s = M.nodes.scope[i]; s !== NONE && s < M.scopes.n; s = M.scopes.parent[s]) path.unshift(M.str(M.scopes.name[s]));
  return path;
}

export const dimsOf = (M, t, r) => Array.from(M.shapes.slice(t.dims[r], t.dims[r] + t.rank[r]));

/**
 * log2 of the gradient that a node hands to its inputs over what it got. Where a producer has several users,
 * its sum is credited to the one with the largest gradient alone; parameters, which no chain goes on from, to none.
 * Infinity where it hands on what is not finite: a norm is that of the finite elements.
 */
export function gains(M) {
  if (M.gain) return M.gain;
  const gain = new Float64Array(M.n).fill(NaN), {edges, norm} = M;
  for (let i = 0; i < M.n; i++) {
    const bad = M.nodes.flags[i] & BAD_GRAD;
    if (isTip(M, i) || Number.isNaN(norm[i]) && !bad) continue;
    let most = 0;
    for (const e of M.ins(i)) {
      const producer = edges.src[e];
      if (M.nodes.flags[producer] & BAD_GRAD && (bad || makersOf(M, producer).includes(i))) most = Infinity;
      if (isTip(M, producer) || M.lane[producer] || !(norm[producer] > most)) continue;
      let best = i;
      for (const f of M.users(producer)) if (norm[edges.dst[f]] > norm[best]) best = edges.dst[f];
      if (best === i) most = norm[producer];
    }
    if (most === Infinity) gain[i] = most;
    else if (most > 0 && norm[i] > 0 && !bad) gain[i] = Math.log2(most / norm[i]);
  }
  return M.gain = gain;
}

/** The nodes that made a bad gradient: they got a finite one, and hand it on. Empty where another's was bad before. */
export function makersOf(M, i) {
  const bad = j => M.nodes.flags[j] & BAD_GRAD, users = [...new Set([...M.users(i)].map(e => M.edges.dst[e]))];
  return bad(i) && !users.some(bad) ? users.filter(j => !Number.isNaN(M.norm[j])) : [];
}

/** Nodes on any way between two nodes, or null: the ones below the upper and above the lower one. */
export function pathBetween(M, a, b) {
  const {src, dst} = M.edges;
  const reach = (from, rows, other) => {
    const seen = new Uint8Array(M.n), waiting = [from];
    seen[from] = 1;
    while (waiting.length) {
      for (const e of rows(waiting.pop())) if (!seen[other[e]]) seen[other[e]] = 1, waiting.push(other[e]);
    }
    return seen;
  };
  let down = reach(a, M.users, dst), up;
  if (down[b]) up = reach(b, M.ins, src);
  else {
    down = reach(b, M.users, dst);
    if (!down[a]) return null;
    up = reach(a, M.ins, src);
  }
  return down.map((x, i) => x & up[i]);
}
