// The inspector: all that is known of the selected node or group; of the whole graph where nothing is selected.
import {$, NONE, announce, baseName, bytesText, clip, count, el, num, shapeText, timeText} from './util.js';
import {BAD, FREED, ROOT, dimsOf, exprOf, gains, isGhost, isLeaf, isTip, makersOf, nodeName, opName, scopePath, sourceLine, titleOf} from './model.js';
import {app, goTo, mode, pane, selectedItem, selectedNode, toggle} from './app.js';
import {figures} from './scene.js';
import {cutReason, flagWords, isData, gradText, place, stepSentence, summary} from './words.js';
import {trainingPanel} from './training.js';

export function makeInspector() {
  pane(['sel', 'mode', 'step', 'scene'], () => {
    const {M} = app, id = selectedNode(), item = selectedItem();
    $('info').replaceChildren(...(id >= 0 ? ofNode(M, id) : item ? ofGroup(M, item) : ofGraph(M)).flat().filter(Boolean), ...trainingPanel(M));
  });
}

const row = (name, ...value) => [el('dt', {}, name), el('dd', {}, ...value)];
/** Items of a list, and how many there are beyond the first ones. */
const items = (list, most, make) => el('ul', {}, list.slice(0, most).map(item => el('li', {}, make(item))),
  list.length > most && el('li', {}, `and ${(list.length - most).toLocaleString('en')} more`));
const section = (title, ...parts) => el('section', {}, el('h3', {}, title), ...parts);

/** A button that goes to a node. */
export const link = (M, i, more = '') => el('button', {class: 'link', type: 'button', onclick: () => goTo(i)},
  clip(titleOf(M, i), 34), el('small', {}, ` ${isTip(M, i) ? '' : clip(opName(M, i), 24)}${M.line[i] ? `:${M.line[i]}` : ''}${more}`));

function where(M, i) {
  const file = M.files[M.file[i]];
  if (!file) return [];
  const {sites} = M, site = M.nodes.site[i], column = sites.col && sites.col[site] !== NONE ? sites.col[site] + 1 : 1;
  const text = `${file.path}:${M.line[i]}`, absolute = /^(\/|[A-Za-z]:[\\/])/.test(file.path);
  const path = file.path.replace(/\\/g, '/').split('/').map(encodeURIComponent).join('/').replace(/^([A-Za-z])%3A/, '$1:');
  const copy = el('button', {class: 'small', type: 'button', onclick: async () => {
    try {
      await navigator.clipboard.writeText(text);
      announce(`copied ${text}`);
    } catch {
      announce('the browser does not let this page write the clipboard');
    }
  }}, 'copy');
  return row('where', absolute ? el('a', {href: `vscode://file/${path.replace(/^\//, '')}:${M.line[i]}:${column}`}, place(M, i)) : place(M, i), ' ', copy);
}

function histogram(M, t, r) {
  const at = t.hist ? t.hist[r] : NONE;
  if (at === NONE || at === undefined || at + 32 > M.bins.length) return null;
  const bins = Array.from(M.bins.slice(at, at + 32)), most = Math.max(1, ...bins);
  return el('div', {class: 'hist', role: 'img', 'aria-label': `histogram from ${num(t.min[r])} to ${num(t.max[r])}, most in one bin ${most}`},
    bins.map(n => el('i', {style: {height: `${n ? Math.max(2, n / most * 34) : 0}px`}})));
}

function figuresTable(M, title, t, i) {
  const rows = [...t.of(i)];
  if (!rows.length) return null;
  return section(title, rows.map(r => {
    const at = t.data ? t.data[r] : NONE, few = at !== NONE && at !== undefined ? Array.from(M.data.slice(at, at + t.count[r]), num) : null;
    return el('div', {}, el('dl', {}, rows.length > 1 && row('output', String(t.slot[r])), row('', el('strong', {}, summary(M, t, r))),
      t.count[r] > 1 && [row('min, max', `${num(t.min[r])}, ${num(t.max[r])}`), row('mean', num(t.mean[r]))], row('norm', num(t.norm[r])),
      t.nan[r] > 0 && row('nan', el('strong', {class: 'bad'}, t.nan[r].toLocaleString('en'))),
      t.inf[r] > 0 && row('inf', el('strong', {class: 'bad'}, t.inf[r].toLocaleString('en'))),
      few && few.length > 4 && row('elements', few.join(', '))), histogram(M, t, r));
  }));
}

function ofNode(M, i) {
  const {nodes, edges} = M, words = flagWords(M, i), code = sourceLine(M, i), expr = exprOf(M, i), scope = scopePath(M, i), gain = gains(M)[i];
  const list = (title, rows, other, note = () => '') => {
    const seen = [...rows];
    return seen.length > 0 && section(`${title} (${seen.length})`, items(seen, 40, e => link(M, other[e], note(e))));
  };
  const head = el('h2', {}, titleOf(M, i), ' ', el('small', {}, isLeaf(M, i) ? 'leaf' : opName(M, i)));
  if (isGhost(M, i)) {
    return [head, el('p', {class: 'why'}, cutReason(M, i)), el('dl', {}, where(M, i)), code && el('pre', {}, code), list('would feed', M.users(i), edges.dst)];
  }
  const saved = [...M.saved.of(i)], attrs = [...M.attrs.of(i)], rules = [...M.rules.of(i)];
  return [head, code && el('pre', {}, code),
    isLeaf(M, i) && !gradText(M, i) && M.grads.n > 0 && el('p', {class: 'why'}, 'Its grad is None: the pass did not reach it.'),
    el('dl', {}, expr && expr !== code && row('expression', expr), nodeName(M, i) && row('variable', nodeName(M, i)), where(M, i),
      scope.length > 0 && row('inside', scope.join(' › ')), nodes.iter[i] !== NONE && row('iteration', String(nodes.iter[i])),
      [...M.outs.of(i)].map(r => row('output', `${shapeText(dimsOf(M, M.outs, r))} ${M.str(M.outs.dtype[r])}, ${bytesText(M.outs.bytes[r] || 0)}`)),
      row('backward', nodes.order[i] === NONE ? 'not run' : `step ${M.rank[i] + 1} of ${M.byOrder.length}`), words.length > 0 && row('marks', words.join(', ')),
      makersOf(M, i).slice(0, 3).map(j => row('made by', link(M, j))),
      !Number.isNaN(gain) && row('local gain', app.modes[1].text(gain)),
      M.fwd && M.fwd[i] >= 0 && row('forward', timeText(M.fwd[i])), M.bwd && M.bwd[i] >= 0 && row('backward', timeText(M.bwd[i]))),
    app.state.step >= 0 && M.byOrder[app.state.step] === i && el('p', {class: 'said'}, stepSentence(M, i)),
    figuresTable(M, 'value', M.values, i), figuresTable(M, isLeaf(M, i) ? 'what the pass adds to .grad' : 'gradient', M.grads, i),
    rules.length > 0 && section('local rule', rules.map(r => el('p', {class: 'rule'}, M.str(M.rules.text[r]),
      M.str(M.rules.sentence[r]) && [el('br'), el('small', {}, M.str(M.rules.sentence[r]))]))),
    saved.length > 0 && section('saved for the backward pass', el('dl', {}, saved.map(r => row(M.str(M.saved.name[r]),
      nodes.flags[i] & FREED ? 'freed' : `${shapeText(dimsOf(M, M.saved, r))} ${M.str(M.saved.dtype[r])}, ${bytesText(M.saved.bytes[r] || 0)}`,
      M.saved.version && M.saved.version[r] !== NONE && M.saved.version[r] > 0 && `, version ${M.saved.version[r]}`,
      M.saved.source[r] !== NONE && [' from ', link(M, M.saved.source[r])])))),
    attrs.length > 0 && section('attributes', el('dl', {}, attrs.map(r => row(M.str(M.attrs.name[r]), M.str(M.attrs.value[r]))))),
    list('inputs', M.ins(i), edges.src, e => edges.kind[e] === 2 ? ' cut' : ''), list('used by', M.users(i), edges.dst)];
}

function ofGroup(M, item) {
  const {group} = item, lines = new Map(), m = mode(), leaves = new Map();
  let worst = -1, bad = -1, us = 0, bytes = 0;
  for (let k = group.start; k < group.end; k++) {
    const i = M.perm[k];
    if (!Number.isNaN(M.norm[i]) && (worst < 0 || M.tier[i] < M.tier[worst] || M.tier[i] === M.tier[worst] && M.norm[i] > M.norm[worst])) worst = i;
    if (bad < 0 && M.nodes.flags[i] & BAD) bad = i;
    us += (M.fwd ? M.fwd[i] || 0 : 0) + (M.bwd ? M.bwd[i] || 0 : 0);
    bytes += M.bytes[i];
    const at = place(M, i);
    if (at) lines.set(at, (lines.get(at) || 0) + 1);
    for (const e of M.ins(i)) if (isTip(M, M.edges.src[e])) leaves.set(M.edges.src[e], (leaves.get(M.edges.src[e]) || 0) + 1);
  }
  const value = figures(M, m, group).value;
  return [el('h2', {}, group.label, ' ', el('small', {}, group.kind)),
    el('p', {}, el('button', {type: 'button', onclick: () => toggle(group.key)}, item.frame ? 'close group' : 'open group')),
    el('dl', {}, row('operations', (group.end - group.start).toLocaleString('en')), !Number.isNaN(value) && m.has && row(m.name, m.text(value)),
      us > 0 && row('time', timeText(us)), bytes > 0 && row('outputs', bytesText(bytes)),
      worst >= 0 && row('largest', link(M, worst, ` ${num(M.norm[worst])}`)), bad >= 0 && row('first bad', link(M, bad))),
    lines.size > 0 && section('source lines', items([...lines], 30, ([at, n]) => `${at}  ×${n}`)),
    leaves.size > 0 && section('uses', items([...leaves], 30, ([i, n]) => link(M, i, ` ×${n}`)))];
}

function ofGraph(M) {
  const roots = [], cuts = [...M.cutOf.keys()].filter(i => i < M.n);
  for (let i = 0; i < M.n; i++) if (M.nodes.flags[i] & ROOT) roots.push(i);
  const reached = i => gradText(M, i) || (M.grads.n ? 'None: not reached' : '');
  return [el('h2', {}, 'The graph'),
    el('dl', {}, row('nodes', M.many.nodes.toLocaleString('en')), row('edges', M.many.edges.toLocaleString('en')), row('leaves', String(M.leaves.length)),
      M.files.length > 0 && row('source', M.files.slice(0, 3).map(file => baseName(file.path)).join(', ')),
      roots.length > 0 && row('root', items(roots, 8, i => link(M, i))),
      M.bad > 0 && row('not finite', el('strong', {class: 'bad'}, count(M.bad, 'node')))),
    (M.D.notes || []).map(note => el('p', {class: 'why'}, note)),
    M.leaves.length > 0 && section('leaves and their gradients', items(M.leaves, 60, i => [link(M, i), ' ', clip(reached(i), 40)])),
    whyNone(M, cuts)];
}

/** Where chains of gradients were cut, for who asks why a grad is None. */
function whyNone(M, cuts) {
  const lost = M.grads.n ? M.leaves.filter(i => !gradText(M, i)) : [], said = new Map(), plain = new Map();
  for (const i of cuts) {
    const text = cutReason(M, i), kind = isData(M, i) ? plain : said;
    if (kind.has(text)) kind.get(text).n++;
    else kind.set(text, {i, n: 1});
  }
  const reason = ([text, {i, n}]) => [`${text}${n > 1 ? ` (${n} times)` : ''} `, link(M, i)];
  const data = plain.size > 0 && el('details', {}, el('summary', {}, `${count(plain.size, 'input')} without requires_grad`), items([...plain], 60, reason));
  if (!said.size && !lost.length) return el('div', {id: 'why'}, el('p', {}, 'No chain was cut: every input that asks for a gradient is reached.'), data);
  return el('section', {id: 'why'}, el('h3', {}, 'Why is a grad None?'),
    items([...lost.map(i => [`${titleOf(M, i)}: the pass did not reach it`, {i, n: 1}]), ...said], 60, reason), data);
}
