// The start of the page: reads the model, makes the panes, binds the toolbar and the keys.
import {$, announce, count, el} from './util.js';
import {readModel, unpack} from './model.js';
import {makeModes} from './colours.js';
import {GROUPINGS} from './groups.js';
import {find} from './search.js';
import {CARDS_ALLOWED, app, change, closeAround, describe, firstBad, fit, goTo, pane, readable, render, select, selectedItem, selectedNode, setGrouping, setMode, setStep,
  start, tell, toggle, walk, worst, zoomAt} from './app.js';
import {makeGraph, pathTo} from './graph.js';
import {makeSource} from './source.js';
import {makeInspector} from './inspect.js';
import {makeOutline} from './outline.js';
import {makeStrip} from './strip.js';
import {makeExport} from './export.js';

// Key, what the help says of it, what it does; those without a function are handled apart.
const KEYS = [
  ['1-6', 'colours: gradient norm, local gain, nan and inf, time, memory, operation'],
  ['g', 'largest gradient of an activation', worst],
  ['n', 'first nan or inf in backward order', () => firstBad(false)],
  ['N', 'first nan or inf in forward order', () => firstBad(true)],
  ['[', 'a step of the backward pass back', () => setStep(app.state.step - 1)],
  [']', 'next step of the backward pass', () => setStep(app.state.step + 1)],
  ['/', 'search', () => $('search').focus()],
  ['Enter', 'open or close the selected group', () => {
    const item = selectedItem();
    if (item && item.group) toggle(item.key);
  }],
  ['Backspace', 'close the group around', closeAround],
  ['ArrowUp', 'to an input', () => walk('up')],
  ['ArrowDown', 'to a user', () => walk('down')],
  ['ArrowLeft', 'to the left', () => walk('left')],
  ['ArrowRight', 'to the right', () => walk('right')],
  ['Shift arrows', 'move the drawing'],
  ['+', 'zoom in', () => zoomMiddle(1.25)],
  ['-', 'zoom out', () => zoomMiddle(.8)],
  ['0', 'whole graph, its end where it is large; again: all of it', () => fit(true)],
  ['p', 'ways between two boxes: once at each', ways],
  ['w', 'why is a grad None?', why],
  ['e', 'export', () => $('export').showModal()],
  ['d', 'dark or light', dark],
  ['Escape', 'leave selection, pass and search', clear],
  ['?', 'this help', () => $('help').showModal()],
];
const ACTS = new Map(KEYS.map(([key, , act]) => [key, act]));

function zoomMiddle(factor) {
  const box = $('canvas').getBoundingClientRect();
  zoomAt(factor, box.width / 2, box.height / 2);
}

/** What Shift-click does, by keys: remembers the selection, then lights the ways to the next one. */
function ways() {
  const {state} = app, row = document.activeElement.dataset.key;
  if (!state.sel && row) select(row);
  const key = state.sel;
  if (!key) return tell('select a box first');
  if (!state.wayFrom || state.wayFrom === key) {
    state.wayFrom = key;
    return tell(`ways from ${describe(key)}: select the other end and press p`);
  }
  const item = selectedItem(), end = item ? {item} : {chip: {leaf: selectedNode()}};
  state.sel = state.wayFrom;
  state.wayFrom = null;
  pathTo(end);
}

const PAN = {ArrowUp: [0, 80], ArrowDown: [0, -80], ArrowLeft: [80, 0], ArrowRight: [-80, 0]};

function why() {
  select(null, {quiet: true});
  render();
  const section = $('why');
  section.tabIndex = -1;
  section.focus();
  section.scrollIntoView({block: 'nearest'});
  announce(section.textContent.slice(0, 300));
}

function clear() {
  Object.assign(app.state, {path: null, line: null, hits: null, list: [], step: -1, wayFrom: null});
  $('search').value = $('found').textContent = '';
  select(null);
  change('scene', 'step', 'hits');
}

const systemDark = matchMedia('(prefers-color-scheme: dark)');

function dark() {
  document.documentElement.dataset.theme = $('dark').getAttribute('aria-pressed') === 'true' ? 'light' : 'dark';
  themed();
}

function themed() {
  $('dark').setAttribute('aria-pressed', String((document.documentElement.dataset.theme || (systemDark.matches ? 'dark' : 'light')) === 'dark'));
  change('theme', 'mode');
}

/** Searches as it is typed; Enter goes to the next match, with Shift to the one before. */
function search() {
  const {M, state} = app, {marks, list, error} = find(M, $('search').value);
  state.hits = marks;
  state.list = list;
  state.at = -1;
  $('found').textContent = error || (marks ? count(list.length, 'match', 'matches') : '');
  change('hits', 'view');
}

function nextMatch(step) {
  const {state} = app;
  if (!state.list.length) return tell('no match');
  state.at = (Math.max(state.at, step < 0 ? 0 : -1) + step + state.list.length) % state.list.length;
  goTo(state.list[state.at], {auto: true});
  $('found').textContent = `${state.at + 1} of ${count(state.list.length, 'match', 'matches')}`;
}

function toolbar() {
  const {state, modes, M} = app, on = (id, event, act) => $(id).addEventListener(event, act);
  modes.forEach((m, k) => $('mode').append(el('option', {value: k}, `${m.key} ${m.name}${m.has ? '' : ' (not recorded)'}`)));
  on('mode', 'change', () => setMode(+$('mode').value));
  pane(['mode'], () => $('mode').value = state.mode);
  for (const by in GROUPINGS) $('by').append(el('option', {value: by}, GROUPINGS[by][0]));
  on('by', 'change', () => setGrouping($('by').value));
  pane(['mode', 'tree'], () => $('by').value = state.by);
  const box = (id, key, act) => {
    $(id).checked = state[key];
    on(id, 'change', () => act($(id).checked));
  };
  box('names', 'names', yes => {
    state.names = yes;
    change('scene');
  });
  box('cards', 'cards', yes => {
    if (yes && M.n > CARDS_ALLOWED) {
      $('cards').checked = false;
      return tell(`cards are for graphs of up to ${CARDS_ALLOWED} nodes`);
    }
    state.cards = yes;
    state.refit = true;
    change('tree');
  });
  box('cuts', 'cuts', yes => {
    state.cuts = yes;
    change('tree');
  });
  on('back', 'click', () => setStep(state.step - 1));
  on('next', 'click', () => setStep(state.step + 1));
  on('worst', 'click', worst);
  on('bad', 'click', event => firstBad(event.shiftKey));
  on('whynone', 'click', why);
  on('fit', 'click', () => fit(true));
  on('save', 'click', () => $('export').showModal());
  on('dark', 'click', dark);
  on('keys', 'click', () => $('help').showModal());
  on('search', 'input', search);
  on('search', 'keydown', event => {
    if (event.key === 'Enter') nextMatch(event.shiftKey ? -1 : 1);
    else if (event.key === 'Escape') clear(), $('canvas').focus();
    else return;
    event.preventDefault();
  });
  for (const [key, text] of KEYS) $('keylist').append(el('div', {}, el('dt', {}, key.replace(/^Arrow/, '')), el('dd', {}, text)));
  for (const dialog of document.querySelectorAll('dialog')) {
    dialog.querySelector('.close').addEventListener('click', () => dialog.close());
    dialog.addEventListener('click', ({target, clientX: x, clientY: y}) => {
      const box = dialog.getBoundingClientRect();
      if (target === dialog && (x < box.left || x > box.right || y < box.top || y > box.bottom)) dialog.close();
    });
  }
}

function keyboard(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || document.querySelector('dialog[open]')) return;
  if (/^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName) && event.target.type !== 'checkbox') return;
  if (/^(BUTTON|A|SUMMARY)$/.test(event.target.tagName) && /^(Enter| )$/.test(event.key)) return;
  const {key} = event;
  if (event.shiftKey && PAN[key]) {
    app.view.x += PAN[key][0];
    app.view.y += PAN[key][1];
    change('view');
    return event.preventDefault();
  }
  if (/^[1-9]$/.test(key)) setMode(+key - 1);
  else if (ACTS.get(key)) ACTS.get(key)();
  else if (key === '=') zoomMiddle(1.25);
  else return;
  event.preventDefault();
}

async function main() {
  const t = performance.now(), {perf} = app;
  const D = await unpack($('data').textContent.trim());
  perf.read = performance.now() - t;
  const M = readModel(D);
  perf.model = performance.now() - t - perf.read;
  // A frame that is not shown yet has no size to fit the drawing into.
  while (!$('canvas').clientWidth) await new Promise(requestAnimationFrame);
  start(M, makeModes(M));
  makeGraph();
  toolbar();
  makeSource();
  makeInspector();
  makeOutline();
  makeStrip();
  makeExport();
  document.addEventListener('keydown', keyboard);
  systemDark.addEventListener('change', themed);
  themed();
  matchMedia('(forced-colors: active)').addEventListener('change', () => change('theme', 'mode'));
  app.state.refit = true;
  render();
  if (app.state.cards && !readable()) {
    Object.assign(app.state, {cards: $('cards').checked = false, open: null, refit: true});
    change('tree');
  }
  render();
  render();
  perf.open = performance.now() - t;
  document.body.dataset.ready = perf.open.toFixed(0);
}

main().catch(error => {
  console.error(error);
  $('info').replaceChildren(el('p', {class: 'why'}, 'This page could not be opened: ' + (typeof DecompressionStream === 'function' ? error.message
    : 'the browser is too old to unpack its data (DecompressionStream).')));
});

/** What a test or a script may look at. */
window.rushlight = {
  app,
  render,
  boxes: () => app.scene.items.map(item => {
    const {view} = app, box = $('canvas').getBoundingClientRect(), left = item.frame ? item.l : item.w / 2, right = item.frame ? item.r : item.w / 2;
    return {key: item.key, label: item.label, second: item.second || '', frame: Boolean(item.frame), open: Boolean(item.frame), id: item.id,
      x: box.left + view.x + (item.x - left) * view.z, y: box.top + view.y + (item.y - item.h / 2) * view.z, w: (left + right) * view.z, h: item.h * view.z,
      chips: item.chips.map(chip => ({text: chip.text, leaf: chip.leaf, x: box.left + view.x + (item.x + chip.x) * view.z,
        y: box.top + view.y + (item.y - 10) * view.z, w: chip.w * view.z, h: 20 * view.z}))};
  }),
};
