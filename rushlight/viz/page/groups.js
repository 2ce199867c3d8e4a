// The tree of groups: modules and functions, loop iterations in buckets of 24, source lines, operations.
// An iteration is a stretch of the creation order, so iterations never feed back into earlier ones.
import {NONE, baseName} from './util.js';
import {isTip} from './model.js';

const MOST = 24;

export const GROUPINGS = {
  loop: ['loop iteration', ['loop', 'line', 'chunk']],
  line: ['source line', ['line', 'loop', 'chunk']],
  module: ['module and function', ['scope', 'loop', 'line', 'chunk']],
  none: ['none', []],
};

/** The tree for one grouping. boxed(i): whether a leaf or a ghost is a box of its own. */
export function makeGroups(M, by, boxed) {
  const root = group('root', '', 'graph', null), ops = [];
  for (let i = 0; i < M.n; i++) if (!isTip(M, i) || boxed(i)) ops.push(i);
  fill(M, root, ops, GROUPINGS[by][1]);
  M.perm = new Uint32Array(ops.length);
  M.pos = new Int32Array(M.n).fill(-1);
  M.groupOf = new Array(M.n);
  let next = 0;
  const walk = g => {
    g.start = next;
    for (const child of g.children) {
      if (typeof child === 'object') walk(child);
      else M.perm[next] = child, M.pos[child] = next++, M.groupOf[child] = g;
    }
    g.end = next;
  };
  walk(root);
  return root;
}

function group(kind, label, key, parent) {
  return {kind, label, key, parent, children: [], depth: parent ? parent.depth + 1 : 0};
}

function fill(M, parent, ops, levels) {
  const [level, ...rest] = levels;
  if (!level) parent.children = parent.children.concat(ops);
  else LEVELS[level](M, parent, ops, rest);
}

/** Adds a group of these operations, or the operation itself where it is alone. */
function add(M, parent, ops, rest, kind, label, key) {
  if (ops.length === 1) {
    parent.children.push(ops[0]);
    return;
  }
  const made = group(kind, label, `${parent.key}/${key}`, parent);
  made.line = M.line[ops[0]];
  made.at = ops[0];
  fill(M, made, ops, rest);
  while (made.children.length === 1 && typeof made.children[0] === 'object') {
    const only = made.children[0];
    made.children = only.children;
    for (const child of made.children) if (typeof child === 'object') child.parent = made;
  }
  parent.children.push(made);
}

/** The module or function of a node; a leaf with a box of its own stands with the one that uses it. */
function scopeOf(M, i) {
  if (M.nodes.scope[i] !== NONE || !isTip(M, i)) return M.nodes.scope[i];
  const scopes = new Set();
  for (const e of M.users(i)) scopes.add(M.nodes.scope[M.edges.dst[e]]);
  return scopes.size === 1 ? [...scopes][0] : NONE;
}

/** A module or function; where it holds nothing but another one, that one under both names. */
function scopeGroup(M, parent, ops, rest, depth, s) {
  const kind = M.scopes.kind[s] ? 'function' : 'module';
  const made = group(kind, M.str(M.scopes.name[s]) + (kind === 'function' ? '()' : ''), `${parent.key}/s${s}`, parent);
  made.at = ops[0];
  LEVELS.scope(M, made, ops, rest, depth + 1);
  const [only] = made.children;
  if (made.children.length > 1 || typeof only !== 'object') return made;
  const label = `${made.label} › ${only.label}`;
  return Object.assign(only, {label: label.length > 44 ? '…' + label.slice(-43) : label, parent});
}

/** The scopes around a scope and itself, outermost first. */
function pathOf(M, s) {
  if (s === NONE) return [];
  const kept = M.scopePaths || (M.scopePaths = []);
  for (let at = s, todo = []; ; at = M.scopes.parent[at]) {
    if (at !== NONE && !kept[at]) todo.push(at);
    else {
      let path = at === NONE ? [] : kept[at];
      while (todo.length) kept[at = todo.pop()] = path = [...path, at];
      return kept[s];
    }
  }
}

const LEVELS = {
  scope(M, parent, ops, rest, depth = 0) {
    const own = [], parts = new Map(), made = group('scope', '', parent.key, parent);
    for (const i of ops) {
      const path = pathOf(M, scopeOf(M, i)), s = path.length > depth ? path[depth] : NONE;
      if (s === NONE) own.push(i);
      else if (parts.has(s)) parts.get(s).push(i);
      else parts.set(s, [i]);
    }
    if (own.length) fill(M, made, own, rest);
    for (const [s, part] of parts) {
      if (part.length === 1) made.children.push(part[0]);
      else made.children.push(scopeGroup(M, parent, part, rest, depth, s));
    }
    const first = child => typeof child === 'object' ? child.at : child;
    for (const child of made.children.sort((a, b) => first(a) - first(b))) {
      if (typeof child === 'object') child.parent = parent;
      parent.children.push(child);
    }
  },

  loop(M, parent, ops, rest) {
    const loop = ops.length > MOST && findLoop(M, ops);
    if (!loop) return fill(M, parent, ops, rest);
    const {starts, end, all} = loop, variable = all && loopVariable(M, ops[starts[0]]) || 'iteration', turns = [];
    if (starts[0]) fill(M, parent, ops.slice(0, starts[0]), rest);
    const holder = group('loop', '', parent.key, parent);
    starts.forEach((from, t) => {
      const before = holder.children.length;
      add(M, holder, ops.slice(from, t + 1 < starts.length ? starts[t + 1] : end), ['loop', ...rest], 'iteration',
        `${variable} ${t}`, `t${t}`);
      for (const child of holder.children.slice(before)) turns.push({child, t});
    });
    const label = (a, b) => `${variable} ${a.t} … ${b.t}`;
    parent.children.push(...inBuckets(turns, parent, turn => turn.child, label, 't'));
    if (end < ops.length) fill(M, parent, ops.slice(end), rest);
  },

  line(M, parent, ops, rest) {
    if (ops.length <= MOST && rest.length < 2) return fill(M, parent, ops, rest);
    const parts = new Map();
    for (const i of ops) {
      const key = M.file[i] === NONE ? `?${i}` : `${M.file[i]}:${M.line[i]}`;
      if (parts.has(key)) parts.get(key).push(i);
      else parts.set(key, [i]);
    }
    if (parts.size === 1) return fill(M, parent, ops, rest);
    const holder = group('line', '', parent.key, parent), made = [];
    for (const [key, part] of parts) {
      const i = part[0], file = M.files[M.file[i]];
      const label = file ? `${baseName(file.path)}:${M.line[i]}` : 'operation';
      add(M, holder, part, rest, 'line', label, `l${key}`);
      made.push({child: holder.children[holder.children.length - 1], label});
    }
    parent.children.push(...inBuckets(made, parent, item => item.child, (a, b) => `${a.label} … ${b.label}`, 'l'));
  },

  chunk(M, parent, ops) {
    const ranked = ops.map((i, k) => ({i, k: k + 1}));
    parent.children.push(...inBuckets(ranked, parent, item => item.i, (a, b) => `operations ${a.k} … ${b.k}`, `o${ops[0]}:`));
  },
};

/** Lists of more than twice MOST as that many buckets of neighbours, again and again. */
function inBuckets(list, up, childOf, label, prefix) {
  const adopted = item => {
    const child = childOf(item);
    if (typeof child === 'object') child.parent = up;
    return child;
  };
  if (list.length <= 2 * MOST) return list.map(adopted);
  const size = Math.ceil(list.length / MOST), made = [];
  for (let k = 0; k < list.length; k += size) {
    const part = list.slice(k, k + size);
    if (part.length === 1) {
      made.push(adopted(part[0]));
      continue;
    }
    const bucket = group('bucket', label(part[0], part[part.length - 1]), `${up.key}/${prefix}${k}+${size}`, up);
    bucket.children = inBuckets(part, bucket, childOf, label, prefix);
    const [head] = bucket.children;
    bucket.at = typeof head === 'object' ? head.at : head;
    made.push(bucket);
  }
  return made;
}

/**
 * The outermost loop of a stretch: where its turns begin, and where the last one ends; null where there is none.
 * A count c of the sites' runs makes turns if most operations are spread evenly over the stretches between
 * the runs of the first site that ran c times.
 */
function findLoop(M, ops) {
  const {site, op} = M.nodes, ids = new Map(), kind = new Int32Array(ops.length), counts = [];
  ops.forEach((i, k) => {
    if (site[i] === NONE) return void (kind[k] = -1);
    const key = site[i] * 65536 + op[i] % 65536;
    let id = ids.get(key);
    if (id === undefined) ids.set(key, id = counts.length), counts.push(0);
    counts[id]++;
    kind[k] = id;
  });
  const weight = new Map();
  for (const c of counts) if (c > 1) weight.set(c, (weight.get(c) || 0) + c);
  const likely = [...weight].sort((a, b) => b[1] - a[1]).slice(0, 6).map(([c]) => c).sort((a, b) => a - b);
  let best = null;
  for (const c of likely) {
    const first = counts.indexOf(c), starts = [], even = counts.map(m => m % c === 0);
    const seen = new Int32Array(counts.length);
    const close = turns => {
      for (let id = 0; id < counts.length; id++) if (even[id] && seen[id] !== turns * counts[id] / c) even[id] = false;
    };
    // Counters of all kinds are compared at each boundary: sites are few where turns are many.
    if (counts.length * c > 4e6) continue;
    kind.forEach((id, k) => {
      if (id === first) close(starts.length), starts.push(k);
      if (id >= 0) seen[id]++;
    });
    let cover = 0, end = 0;
    kind.forEach((id, k) => {
      if (id >= 0 && even[id]) cover++, end = k + 1;
    });
    if (!best || cover > best.cover) best = {cover, starts, end};
  }
  if (!best || best.cover < ops.length / 2) return null;
  // Where another site ran once more, the first turn made no nodes here: turns are not the variable's values.
  return {...best, all: !counts.includes(best.starts.length + 1)};
}

/** "t =" where the operation stands in `for t in range(N)`; nothing elsewhere, where the rank is no value. */
function loopVariable(M, i) {
  const file = M.files[M.file[i]];
  if (file && file.text != null) {
    const rows = file.text.split('\n'), indent = row => row.search(/\S/);
    let depth = indent(rows[M.line[i] - 1] || '');
    for (let k = M.line[i] - 2; k >= 0 && depth > 0; k--) {
      const at = indent(rows[k]);
      if (at < 0 || at >= depth) continue;
      const found = /^\s*for\s+(\w+)\s+in\s+range\([^,()]*(\([^()]*\))?\)\s*:/.exec(rows[k]);
      if (found) return `${found[1]} =`;
      depth = at;
    }
  }
  return '';
}
