// The outline: the groups and operations as a tree of real elements, so that all works without the canvas.
import {$, count, el} from './util.js';
import {spoken} from './words.js';
import {app, badInside, pane, select, toggle} from './app.js';

const MOST = 400;
let rows = [];

export function makeOutline() {
  const tree = $('outline');
  pane(['scene'], build);
  pane(['sel'], mark);
  tree.addEventListener('click', event => {
    const row = event.target.closest('[role=treeitem]');
    if (!row || !row.dataset.key) return;
    if (event.target.className === 'twist') turn(row);
    else select(row.dataset.key, {centred: true});
    focus(row);
  });
  tree.addEventListener('dblclick', event => {
    const row = event.target.closest('[role=treeitem]');
    if (row && row.hasAttribute('aria-expanded')) toggle(row.dataset.key);
  });
  tree.addEventListener('keydown', event => {
    const at = rows.indexOf(document.activeElement), row = rows[at];
    if (!row) return;
    const open = row.getAttribute('aria-expanded'), level = +row.getAttribute('aria-level');
    // The selection follows the focus, so that keys act on the row that is seen as the current one.
    const go = k => {
      if (!rows[k]) return;
      focus(rows[k]);
      select(rows[k].dataset.key || null, {centred: true, quiet: true});
    };
    if (event.key === 'ArrowDown') go(at + 1);
    else if (event.key === 'ArrowUp') go(at - 1);
    else if (event.key === 'Home') go(0);
    else if (event.key === 'End') go(rows.length - 1);
    else if (event.key === 'ArrowRight') open === 'false' ? turn(row) : open && go(at + 1);
    else if (event.key === 'ArrowLeft') {
      if (open === 'true') turn(row);
      else for (let k = at - 1; k >= 0; k--) if (+rows[k].getAttribute('aria-level') < level) return stop(event), go(k);
    } else if ((event.key === 'Enter' || event.key === ' ') && row.dataset.key) {
      if (open) turn(row);
      else select(row.dataset.key, {centred: true});
    } else return;
    stop(event);
  });
}

const stop = event => {
  event.preventDefault();
  event.stopPropagation();
};

function turn(row) {
  select(row.dataset.key, {quiet: true});
  toggle(row.dataset.key);
}

function focus(row) {
  for (const other of rows) other.tabIndex = other === row ? 0 : -1;
  row.focus();
}

function build() {
  const {M, state} = app, tree = $('outline'), made = [], held = document.activeElement && document.activeElement.dataset.key;
  const walk = (group, level) => {
    const shown = group.children.slice(0, MOST);
    shown.forEach((child, k) => {
      const inner = typeof child === 'object', key = inner ? child.key : 'n' + child, open = inner && state.open.has(key);
      const text = inner ? `${child.label} · ${count(child.end - child.start, 'op')}${badInside(child)}` : spoken(M, child);
      made.push(el('div', {role: 'treeitem', 'aria-level': level, 'aria-setsize': group.children.length, 'aria-posinset': k + 1, 'aria-selected': 'false',
        'aria-expanded': inner ? String(Boolean(open)) : null, 'data-key': key, tabindex: -1, style: {'padding-inline-start': `${level * 14 - 6}px`}},
      el('span', {class: 'twist', 'aria-hidden': 'true'}, inner ? open ? '▾' : '▸' : '·'), text));
      if (open) walk(child, level + 1);
    });
    if (group.children.length > MOST) {
      made.push(el('div', {role: 'treeitem', 'aria-level': level, 'aria-selected': 'false', tabindex: -1},
        `and ${(group.children.length - MOST).toLocaleString('en')} more: search for them with /`));
    }
  };
  walk(state.tree, 1);
  rows = made;
  tree.replaceChildren(...made);
  mark(null, held);
}

/** Marks the selected row, which has the focus where the tree has it. held: the row that had it before. */
function mark(now, held = document.activeElement.dataset.key) {
  const {state} = app;
  let tab = rows.find(row => row.dataset.key === state.sel);
  for (const row of rows) {
    const on = row.dataset.key === state.sel;
    row.setAttribute('aria-selected', String(on));
    row.classList.toggle('sel', on);
    row.tabIndex = -1;
  }
  if (tab) tab.scrollIntoView({block: 'nearest'});
  tab = tab || held && rows.find(row => row.dataset.key === held) || rows[0];
  if (tab) tab.tabIndex = 0;
  if (held) tab.focus();
}
