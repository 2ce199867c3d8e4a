// The query language of the search box: words and op: line: name: shape: dtype: module: iter: nan inf leaf |grad|>1e3.
import {NONE, shapeText} from './util.js';
import {BAD, GHOST, INF_GRAD, INF_VALUE, LEAF, NAN_GRAD, NAN_VALUE, ROOT, VIEW, dimsOf, exprOf, gains, isLeaf, nodeName, opName, scopePath} from './model.js';

const FIGURES = {
  '|grad|': M => i => M.norm[i],
  grad: M => i => M.norm[i],
  '|value|': M => i => {
    let most = NaN;
    for (const r of M.values.of(i)) if (!(most >= M.values.norm[r])) most = M.values.norm[r];
    return most;
  },
  gain: M => {
    const gain = gains(M);
    return i => gain[i];
  },
  bytes: M => i => M.bytes[i],
  us: M => i => (M.fwd ? M.fwd[i] || 0 : 0) + (M.bwd ? M.bwd[i] || 0 : 0),
  order: M => i => M.nodes.order[i] === NONE ? NaN : M.nodes.order[i],
  iter: M => i => M.nodes.iter[i] === NONE ? NaN : M.nodes.iter[i],
  line: M => i => M.line[i] || NaN,
};
const COMPARE = {'>': (a, b) => a > b, '<': (a, b) => a < b, '>=': (a, b) => a >= b, '<=': (a, b) => a <= b, '=': (a, b) => a === b};

const flag = bits => M => i => (M.nodes.flags[i] & bits) !== 0;
const WORDS = {nan: flag(NAN_VALUE | NAN_GRAD), inf: flag(INF_VALUE | INF_GRAD), bad: flag(BAD), leaf: flag(LEAF), root: flag(ROOT), view: flag(VIEW), cut: flag(GHOST)};

// The node of a leaf, AccumulateGrad, is no operation of the program.
const opOf = (M, i) => isLeaf(M, i) ? 'leaf' : opName(M, i);
const has = (text, part) => text.toLowerCase().includes(part);
const KEYS = {
  op: (M, v) => i => has(opOf(M, i), v),
  name: (M, v) => {
    const named = i => nodeName(M, i).toLowerCase() === v;
    return i => named(i) || !isLeaf(M, i) && M.ins(i).some(e => isLeaf(M, M.edges.src[e]) && named(M.edges.src[e]));
  },
  line: (M, v) => range(v, FIGURES.line(M)),
  iter: (M, v) => range(v, FIGURES.iter(M)),
  shape: (M, v) => {
    const want = v.replace(/[,*]/g, 'x').replace(/×/g, 'x').replace(/[()]/g, '');
    return i => M.outs.of(i).some(r => {
      const dims = dimsOf(M, M.outs, r);
      return shapeText(dims).replace(/×/g, 'x') === want || dims.some(d => String(d) === want);
    });
  },
  dtype: (M, v) => i => M.outs.of(i).some(r => has(M.str(M.outs.dtype[r]), v)),
  module: (M, v) => i => has(scopePath(M, i).join('.'), v),
};

function range(text, of) {
  const found = /^(\d+)(?:-(\d+))?$/.exec(text);
  if (!found) return null;
  const low = +found[1], high = +(found[2] || found[1]);
  return i => of(i) >= low && of(i) <= high;
}

/** A test of nodes for a query; {test} or {error: what was not understood}. */
export function parse(M, query) {
  const tests = [];
  for (const word of query.trim().split(/\s+/).filter(Boolean)) {
    const no = word.length > 1 && word[0] === '-', text = (no ? word.slice(1) : word).toLowerCase();
    const figure = /^(.+?)(>=|<=|>|<|=)(.+)$/.exec(text), keyed = /^(\w+):(.+)$/.exec(text);
    let test;
    if (figure && Object.hasOwn(FIGURES, figure[1])) {
      const limit = Number(figure[3]), of = FIGURES[figure[1]](M), compare = COMPARE[figure[2]];
      if (Number.isNaN(limit)) return {error: `${figure[3]} is not a number`};
      test = i => compare(of(i), limit);
    } else if (keyed) {
      if (!Object.hasOwn(KEYS, keyed[1])) return {error: `no key ${keyed[1]}: there are ${Object.keys(KEYS).join(', ')}`};
      test = KEYS[keyed[1]](M, keyed[2]);
      if (!test) return {error: `${keyed[2]} is no number or range`};
    } else if (Object.hasOwn(WORDS, text)) test = WORDS[text](M);
    else test = i => has(opOf(M, i), text) || has(nodeName(M, i), text) || has(exprOf(M, i), text);
    tests.push(no ? i => !test(i) : test);
  }
  return {test: tests.length ? i => tests.every(test => test(i)) : null};
}

/** Marks and list of the nodes that a query names. */
export function find(M, query) {
  const {test, error} = parse(M, query);
  if (!test) return {marks: null, list: [], error};
  const marks = new Uint8Array(M.n), list = [];
  for (let i = 0; i < M.n; i++) if (test(i)) marks[i] = 1, list.push(i);
  return {marks, list};
}
