// The source pane: each line with a bar of its colour and figure. A click lights up the operations of the line.
import {$, NONE, announce, clamp, count, el} from './util.js';
import {app, change, mode, pane, selectedNode} from './app.js';
import {ALL_RUNS, badColour, colourOf, fitted, level, lineFigures} from './colours.js';

const AROUND = 1500;
let figuresOf, shownFile = -1, active = -1;

export function makeSource() {
  const {M} = app, uses = new Map();
  for (let i = 0; i < M.n; i++) if (M.file[i] !== NONE) uses.set(M.file[i], (uses.get(M.file[i]) || 0) + 1);
  const files = [...uses].sort((a, b) => b[1] - a[1]).map(([k]) => k);
  const choose = $('file');
  for (const k of files) choose.append(el('option', {value: k}, M.files[k].path));
  choose.hidden = files.length < 2;
  choose.addEventListener('change', () => showFile(+choose.value));
  divide();
  const list = $('source');
  list.addEventListener('click', event => {
    const row = event.target.closest('[data-line]');
    if (row) pick(+row.dataset.line);
  });
  list.addEventListener('keydown', event => {
    const step = {ArrowDown: 1, ArrowUp: -1}[event.key];
    if (step) move(step);
    else if (event.key === 'Enter' || event.key === ' ') pick(active);
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  pane(['mode', 'sel', 'theme'], now => {
    if (now.has('mode')) figuresOf = lineFigures(M, mode());
    const id = selectedNode();
    if (id >= 0 && M.file[id] !== NONE && M.file[id] !== shownFile) showFile(M.file[id]);
    else if (shownFile < 0) showFile(files.length ? files[0] : -1);
    else if (now.has('mode')) bars();
    mark(id >= 0 && M.file[id] === shownFile ? M.line[id] : 0);
  });
}

/** The border at the right of the pane is moved by pointer or arrows. */
function divide() {
  const bar = $('divide'), left = $('left');
  const put = wide => {
    const most = left.offsetWidth + $('graph').offsetWidth - 200, w = Math.round(clamp(wide, 180, Math.max(180, most)));
    left.parentElement.style.setProperty('--left', `${w}px`);
    bar.setAttribute('aria-valuenow', w);
    bar.setAttribute('aria-valuemax', most);
  };
  bar.addEventListener('pointerdown', event => bar.setPointerCapture(event.pointerId));
  bar.addEventListener('pointermove', event => event.buttons && put(event.clientX - left.getBoundingClientRect().left));
  bar.addEventListener('keydown', event => {
    const step = {ArrowLeft: -20, ArrowRight: 20}[event.key];
    if (!step) return;
    put(left.offsetWidth + step);
    event.preventDefault();
    event.stopPropagation();
  });
}

function showFile(k) {
  const {M} = app, list = $('source');
  shownFile = k;
  list.replaceChildren();
  if (k < 0 || M.files[k].text == null) {
    const path = k < 0 ? '' : `${M.files[k].path}: `;
    list.append(el('div', {class: 'note', role: 'option', 'aria-selected': 'false'}, `${path}the source text is not in this file.`));
    return;
  }
  $('file').value = k;
  const rows = M.files[k].text.replace(/\n$/, '').split('\n'), used = [];
  for (let i = 0; i < M.n; i++) if (M.file[i] === k) used.push(M.line[i]);
  const first = rows.length > 2 * AROUND ? Math.max(1, used.reduce((a, b) => Math.min(a, b), rows.length) - 50) : 1;
  const last = Math.min(rows.length, first + 2 * AROUND);
  for (let line = first; line <= last; line++) {
    list.append(el('div', {class: 'ln', id: `ln${line}`, role: 'option', 'aria-selected': 'false', 'data-line': line},
      el('i', {}, String(line)), el('s', {}, el('u', {})), el('b', {}), el('code', {}, rows[line - 1])));
  }
  bars();
}

function bars() {
  const m = fitted(mode(), [...figuresOf.values()].map(found => found.value));
  for (const row of $('source').children) {
    if (!row.dataset.line) continue;
    const found = figuresOf.get(shownFile * 1e7 + +row.dataset.line), [, cell, note] = row.children, bar = cell.firstChild;
    const value = found ? found.value : NaN, text = m.has && !Number.isNaN(value) ? m.text(value) : '';
    const fill = !found ? null : found.bad && m.scale !== 'kind' ? badColour(found.bad) : m.has ? colourOf(m, value) : null, t = level(m, value);
    bar.style.background = fill || 'none';
    bar.style.width = fill ? `${Math.round(4 + 24 * (Number.isNaN(t) || found.bad ? 1 : t))}px` : '0';
    note.textContent = found && found.bad && m.scale !== 'kind' ? 'nan/inf' : m.scale === 'kind' ? '' : text;
    row.title = found ? `${count(found.ops, 'operation')}${text ? `, ${m.name} ${text}${found.calls ? ` (${ALL_RUNS[m.adds]})` : ''}` : ''}${found.runs ? `, run ${count(found.runs, 'time')}` : ''}` : '';
    row.classList.toggle('made', Boolean(found));
  }
}

function pick(line) {
  const {M, state} = app, same = state.line && state.line[0] === shownFile && state.line[1] === line;
  state.line = same ? null : [shownFile, line];
  active = line;
  let ops = 0;
  if (state.line) {
    const marks = new Uint8Array(M.n);
    for (let i = 0; i < M.n; i++) if (M.file[i] === shownFile && M.line[i] === line && !(M.nodes.flags[i] & 1)) marks[i] = 1, ops++;
    state.lineMarks = marks;
  }
  change('view', 'hits', 'sel');
  announce(state.line ? `line ${line}: ${count(ops, 'operation')} lit` : 'no line chosen');
}

function move(step) {
  const rows = $('source').querySelectorAll('[data-line]');
  if (!rows.length) return;
  const at = [...rows].findIndex(row => +row.dataset.line === active);
  const row = rows[Math.max(0, Math.min(rows.length - 1, at + step))];
  active = +row.dataset.line;
  $('source').setAttribute('aria-activedescendant', row.id);
  for (const other of rows) other.classList.toggle('active', other === row);
  row.scrollIntoView({block: 'nearest'});
}

function mark(line) {
  const {state} = app;
  for (const row of $('source').children) {
    const here = +row.dataset.line, chosen = state.line && state.line[0] === shownFile && state.line[1] === here;
    row.classList.toggle('sel', here === line && line > 0);
    row.classList.toggle('chosen', Boolean(chosen));
    row.setAttribute('aria-selected', String(Boolean(chosen)));
    if (here === line && line > 0) row.scrollIntoView({block: 'nearest'});
  }
}
