// Colour modes: what a node's number is, how it becomes a colour, and what is said where nothing was recorded.
import {NONE, bytesText, clamp, count, num, timeText} from './util.js';
import {BAD, BAD_GRAD, gains, isTip} from './model.js';

const VIRIDIS = [[68, 1, 84], [71, 44, 122], [59, 81, 139], [44, 113, 142], [33, 144, 141], [39, 173, 129], [92, 200, 99],
  [170, 220, 50], [253, 231, 37]];
const DIVERGING = [[33, 102, 172], [103, 169, 207], [209, 229, 240], [240, 240, 240], [253, 219, 199], [239, 138, 98], [178, 24, 43]];
const KINDS = ['#8dd3c7', '#ffffb3', '#bebada', '#fb8072', '#80b1d3', '#fdb462', '#b3de69', '#fccde5', '#d9d9d9', '#bc80bd',
  '#ccebc5', '#ffed6f'];
const BAD_COLOUR = '#ff00ff', BAD_VALUE_COLOUR = '#ff9500';
/** The colour of flags that say what is not finite. */
export const badColour = bad => bad & BAD_GRAD ? BAD_COLOUR : BAD_VALUE_COLOUR;
export {BAD_COLOUR};

export const hex = ([r, g, b]) => '#' + [r, g, b].map(v => Math.round(v).toString(16).padStart(2, '0')).join('');

const channel = v => (v /= 255) <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4;

const parts = fill => [1, 3, 5].map(k => parseInt(fill.slice(k, k + 2), 16));
const light = ([r, g, b]) => .2126 * channel(r) + .7152 * channel(g) + .0722 * channel(b);

const TURN = .179;
/** Black or white, whichever stands out: at least 4.58 to 1 on any colour. */
export const inkOn = fill => light(parts(fill)) > TURN ? '#000000' : '#ffffff';

/** A colour between stops. None is of a brightness near where the ink turns: boxes whose inks differ look different. */
export function ramp(stops, t) {
  const at = clamp(t, 0, 1) * (stops.length - 1), k = Math.min(stops.length - 2, Math.floor(at));
  const colour = stops[k].map((v, c) => v + (stops[k + 1][c] - v) * (at - k)), l = light(colour);
  return hex(l < .14 || l > .23 ? colour : colour.map(v => v * ((l > TURN ? .23 : .14) / l) ** .45));
}

/** The colour of a line: pale ones are mixed with the ink until they are seen on the ground. */
export function lineOn(fill, {ground, ink}) {
  if (!/^#\w{6}$/.test(ground + fill.slice(7))) return fill;
  let colour = parts(fill);
  const base = light(parts(ground)), to = parts(ink);
  for (let k = 0; k < 6; k++) {
    const l = light(colour);
    if ((Math.max(l, base) + .05) / (Math.min(l, base) + .05) >= 2) break;
    colour = colour.map((v, c) => v + (to[c] - v) * .16);
  }
  return hex(colour);
}

/** The modes of a model, the numbered ones first. Each: key, name, has, why (nothing there), of(i), join, text(x). */
export function makeModes(M) {
  const {flags, op} = M.nodes, max = (a, b) => b > a || Number.isNaN(a) ? b : a;
  const sum = (a, b) => Number.isNaN(a) ? b : Number.isNaN(b) ? a : a + b;
  const some = values => values && values.some(x => x > 0 || x < 0);
  const time = i => {
    const t = (M.fwd ? M.fwd[i] || 0 : 0) + (M.bwd ? M.bwd[i] || 0 : 0);
    return t > 0 ? t : NaN;
  };
  const kinds = new Map();
  for (let i = 0; i < M.n; i++) if (!isTip(M, i) && !kinds.has(op[i])) kinds.set(op[i], kinds.size);
  const ask = 'were not recorded: ask for them with graph(loss, values=True) before the backward pass, or run it under record().';
  const asked = `Gradients ${ask}`, known = new Uint8Array(M.n);
  for (const i of [...M.values.node || [], ...M.grads.node || []]) known[i] = 1;
  let blank = 0, seen = 0;
  for (let i = 0; i < M.n; i++) if (!isTip(M, i)) known[i] || flags[i] & BAD ? seen++ : blank++;
  const modes = [
    {name: 'gradient norm', of: i => M.norm[i], join: max, tiered: true, scale: 'log', text: num, unit: '|grad|', has: M.grads.n > 0,
      why: asked},
    {name: 'local gain', of: i => gains(M)[i], join: max, tiered: true, scale: 'diverging', text: x => x === Infinity ? 'not finite' : `×${num(2 ** x)}`, unit: 'gain',
      has: M.grads.n > 0, why: asked},
    {name: 'nan and inf', of: i => flags[i] & BAD ? 1 : known[i] ? 0 : NaN, join: max, scale: 'bad', text: x => x ? 'bad' : 'finite',
      // Of leaves alone, as after a pass that freed the rest, nothing is said of the graph.
      unit: '', has: seen + M.bad > 0, says: M.bad ? `${count(M.bad, 'node')} with nan or inf`
        : blank ? `no nan or inf in the ${count(seen, 'operation')} that ${seen === 1 ? 'is' : 'are'} known` : 'all values and gradients are finite',
      why: `Values ${ask}`},
    {name: 'time', of: time, join: sum, adds: 'us', scale: 'log', text: timeText, unit: 'time', has: some(M.fwd) || some(M.bwd),
      why: 'Times were not recorded: run the program under rushlight.record() or with rushlight trace.'},
    {name: 'memory', of: i => M.bytes[i] || NaN, join: sum, adds: 'bytes', scale: 'log', text: bytesText, unit: 'bytes', has: some(M.bytes),
      why: 'The model holds no sizes.'},
    {name: 'operation', of: i => isTip(M, i) ? NaN : kinds.get(op[i]), join: (a, b) => a === b || Number.isNaN(a) ? b : -1,
      scale: 'kind', text: k => k < 0 ? 'several' : [...kinds.keys()].filter(o => kinds.get(o) === k).map(o => M.str(o))[0],
      unit: '', has: true},
  ];
  for (const name in M.D.overlays || {}) {
    const {t, b} = M.D.overlays[name], values = t === 'f64' ? new Float64Array(Uint8Array.from(atob(b), c => c.charCodeAt(0)).buffer) : [];
    modes.push({name, of: i => i < values.length ? values[i] : NaN, join: max, scale: 'linear', text: num, unit: name, has: some(values),
      why: 'This overlay is empty.'});
  }
  modes.forEach((mode, k) => {
    mode.key = String(k + 1);
    let ends;
    for (const end of ['low', 'high']) Object.defineProperty(mode, end, {get: () => (ends = ends || span(M, mode))[end]});
  });
  return modes;
}

/** The least and the largest number, without what is not finite. */
function endsOf(mode, values) {
  let low = Infinity, high = -Infinity;
  for (const x of values) {
    if (!Number.isFinite(x) || mode.scale === 'log' && x <= 0) continue;
    if (x < low) low = x;
    if (x > high) high = x;
  }
  return {low, high};
}

/** Ends of the scale for single nodes. */
function span(M, mode) {
  let {low, high} = endsOf(mode, Float64Array.from({length: M.n}, (_, i) => mode.of(i)));
  if (mode.scale === 'diverging') {
    // Nearly all: a single operation that is far off would leave no colours for the others.
    const sizes = Float64Array.from({length: M.n}, (_, i) => Math.abs(mode.of(i))).filter(Number.isFinite).sort();
    high = Math.min(20, Math.max(1, sizes[Math.floor(.98 * (sizes.length - 1))] || 1));
    low = -high;
  }
  return {low, high};
}

/** The mode for groups or lines that have these numbers: where they are sums, no single node tells the ends. */
export function fitted(mode, values) {
  if (!mode.adds) return mode;
  const {low, high} = endsOf(mode, values);
  return Object.create(mode, {low: {value: low}, high: {value: high}});
}

/** Adds a node to the figures of what holds it, apart for each tier: see tiers(). */
export function addFigure(M, mode, values, i) {
  const x = mode.of(i), tier = mode.tiered ? M.tier[i] : 0;
  if (!Number.isNaN(x)) values[tier] = Number.isNaN(values[tier]) ? x : mode.join(values[tier], x);
}

/** The figure of the activations, where there are any. */
export const figureIn = values => values.find(x => !Number.isNaN(x)) ?? NaN;

/** Where x stands on the mode's scale, 0 to 1; NaN where it has no place. */
export function level(mode, x) {
  if (mode.scale === 'log') {
    if (!(x > 0)) return x === 0 ? 0 : NaN;
    return mode.high > mode.low ? clamp(Math.log(x / mode.low) / Math.log(mode.high / mode.low), 0, 1) : .5;
  }
  if (mode.scale === 'bad') return x ? 1 : .2;
  if (mode.scale === 'kind') return .5;
  return mode.high > mode.low ? clamp((x - mode.low) / (mode.high - mode.low), 0, 1) : .5;
}

/** The fill for a number, or null where there is none. */
export function colourOf(mode, x) {
  if (mode.scale === 'kind') return Number.isNaN(x) ? null : x < 0 ? '#d0d0d0' : KINDS[x % KINDS.length];
  if (mode.scale === 'bad') return x ? BAD_COLOUR : null;
  const t = level(mode, x);
  return Number.isNaN(t) ? null : ramp(mode.scale === 'diverging' ? DIVERGING : VIRIDIS, t);
}

/** Stops of the legend's bar, low to high. */
export const legendStops = mode => Array.from({length: 9}, (_, k) =>
  ramp(mode.scale === 'diverging' ? DIVERGING : VIRIDIS, k / 8));

/** What a recorded line's figure is, where a box has that of one pass. */
export const ALL_RUNS = {us: 'forward, all runs', bytes: 'all runs'};

/** The figure of each source line that made nodes, by 1e7 * file + line: {value, ops, bad, calls}; calls: of a sum over all runs. */
export function lineFigures(M, mode) {
  const made = new Map(), bySite = [];
  const at = (file, line) => {
    const key = file * 1e7 + line;
    let found = made.get(key);
    if (!found) made.set(key, found = {value: NaN, values: [NaN, NaN, NaN], ops: 0, bad: 0, calls: 0});
    return found;
  };
  for (let i = 0; i < M.n; i++) {
    if (M.file[i] === NONE || isTip(M, i)) continue;
    const site = M.nodes.site[i], found = bySite[site] || (bySite[site] = at(M.file[i], M.line[i]));
    found.ops++;
    found.bad |= M.nodes.flags[i] & BAD;
    addFigure(M, mode, found.values, i);
  }
  for (const found of made.values()) found.value = figureIn(found.values);
  for (let r = 0; r < M.lines.n; r++) {
    const found = at(M.lines.file[r], M.lines.line[r]), whole = mode.adds && M.lines[mode.adds][r];
    found.runs = M.lines.calls[r];
    if (whole > 0) found.value = whole, found.calls = found.runs;
  }
  return made;
}
