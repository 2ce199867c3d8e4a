// What can be saved: the picture as SVG and PNG, the visible graph as DOT and Mermaid, the model as JSON.
import {$, announce, el} from './util.js';
import {app, boxMode, tell} from './app.js';
import {inkOn} from './colours.js';
import {CanvasPen, SvgPen, fillOf, paint} from './draw.js';
import {edgeScale} from './graph.js';

const MARGIN = 24, PNG_MOST = 8192, MERMAID_MOST = 500;

function bounds() {
  const {scene} = app;
  return [scene.left - MARGIN, scene.top - MARGIN, scene.right + MARGIN, scene.bottom + MARGIN];
}

const look = view => ({theme: app.theme, mode: boxMode(), state: {...app.state, sel: null}, view, zoom: 1, ends: edgeScale()});

export function svgText() {
  const view = bounds(), [x, y, right, bottom] = view, pen = new SvgPen();
  paint(pen, app.M, app.scene, look(view));
  return pen.file(x, y, right - x, bottom - y, app.theme.ground, document.title);
}

export function pngBlob() {
  const view = bounds(), [x, y, right, bottom] = view, w = right - x, h = bottom - y, z = Math.min(2, PNG_MOST / w, PNG_MOST / h);
  const canvas = el('canvas', {width: Math.ceil(w * z), height: Math.ceil(h * z)}), c = canvas.getContext('2d');
  c.fillStyle = app.theme.ground;
  c.fillRect(0, 0, canvas.width, canvas.height);
  c.setTransform(z, 0, 0, z, -x * z, -y * z);
  paint(new CanvasPen(c), app.M, app.scene, look(view));
  return new Promise(done => canvas.toBlob(done, 'image/png'));
}

const boxes = () => app.scene.items.filter(item => !item.frame);
const lines = item => [item.label, item.group ? `${item.n} ops` : item.second].filter(Boolean);

export function dotText() {
  const quoted = text => `"${text.replace(/\\/g, '\\\\').replace(/"/g, '\\"').replace(/\n/g, '\\n')}"`;
  const out = ['digraph {', '\tnode [style=filled shape=box fontname=monospace fontsize=10]'], ids = new Map();
  const draw = (list, indent) => {
    for (const item of list) {
      if (item.frame) {
        out.push(`${indent}subgraph ${quoted('cluster ' + item.key)} {`, `${indent}\tlabel=${quoted(item.label)}`);
        draw(item.kids, indent + '\t');
        out.push(`${indent}}`);
        continue;
      }
      ids.set(item, `n${ids.size}`);
      const fill = fillOf(app.M, boxMode(), item, {...app.theme, plain: '#d3d3d3', ground: '#ffffff', leaf: '#add8e6'});
      out.push(`${indent}${ids.get(item)} [label=${quoted(lines(item).join('\n'))} fillcolor="${fill}" fontcolor="${inkOn(fill)}"${item.ghost ? ' style="dashed"' : ''}]`);
      item.chips.forEach((chip, k) => {
        const chipId = `${ids.get(item)}c${k}`;
        out.push(`${indent}${chipId} [label=${quoted(chip.text)} fillcolor="#add8e6" shape=oval]`, `${indent}${chipId} -> ${ids.get(item)}`);
      });
    }
  };
  draw(app.scene.items.filter(item => item.parent && !item.parent.parent), '\t');
  for (const edge of app.scene.edges) out.push(`\t${ids.get(edge.a)} -> ${ids.get(edge.b)}${edge.n > 1 ? ` [label="${edge.n}"]` : edge.kind === 2 ? ' [style=dashed]' : ''}`);
  return out.join('\n') + '\n}\n';
}

/** The visible boxes as a flowchart; null above 500 boxes, which no viewer of Mermaid draws. */
export function mermaidText() {
  const list = boxes();
  if (list.length > MERMAID_MOST) return null;
  const quoted = text => `"${text.replace(/[^\w .,:;+*\/()=\[\]…×✂▸-]/g, c => `#${c.codePointAt(0)};`)}"`, ids = new Map(list.map((item, k) => [item, `n${k}`]));
  const out = ['flowchart TD'];
  for (const [item, id] of ids) {
    out.push(`  ${id}[${quoted(lines(item).join(' · '))}]`);
    item.chips.forEach((chip, k) => out.push(`  ${id}c${k}([${quoted(chip.text)}]) --> ${id}`));
  }
  for (const edge of app.scene.edges) {
    out.push(`  ${ids.get(edge.a)} ${edge.kind === 2 ? '-.->' : edge.n > 1 ? `-->|${edge.n}|` : '-->'} ${ids.get(edge.b)}`);
  }
  return out.join('\n') + '\n';
}

export const jsonText = () => JSON.stringify(app.M.D);

const KINDS = {
  SVG: ['svg', 'image/svg+xml', svgText], PNG: ['png', 'image/png', pngBlob], DOT: ['dot', 'text/vnd.graphviz', dotText],
  Mermaid: ['mmd', 'text/plain', mermaidText], JSON: ['json', 'application/json', jsonText],
};

async function save(name) {
  const [ending, type, make] = KINDS[name], made = await make();
  $('export').close();
  if (made === null) return tell(`${name}: more than ${MERMAID_MOST} boxes are visible; close some groups`);
  const url = URL.createObjectURL(typeof made === 'string' ? new Blob([made], {type}) : made);
  const title = document.title.replace(/[^\w.-]+/g, '_').slice(0, 60) || 'graph';
  el('a', {href: url, download: `${title}.${ending}`}).click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
  announce(`${name} saved`);
}

export function makeExport() {
  for (const name in KINDS) $('kinds').append(el('button', {type: 'button', onclick: () => save(name)}, name));
}
