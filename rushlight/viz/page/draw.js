// One description of the picture for two pens: the canvas of the page and the file of the SVG export.
import {BAD, BAD_GRAD, ROOT} from './model.js';
import {BAD_COLOUR, badColour, colourOf, inkOn, level, lineOn} from './colours.js';
import {BOLD, ROW, SMALL, figures, figureText, textWidth} from './scene.js';

export class CanvasPen {
  constructor(context) {
    this.c = context;
  }
  rect(x, y, w, h, {fill, stroke, width = 1, dash, round = 3}) {
    const {c} = this;
    c.beginPath();
    if (round) c.roundRect(x, y, w, h, round);
    else c.rect(x, y, w, h);
    if (fill) c.fillStyle = fill, c.fill();
    if (stroke) this.line(stroke, width, dash);
  }
  line(stroke, width, dash) {
    const {c} = this;
    c.strokeStyle = stroke;
    c.lineWidth = width;
    c.setLineDash(dash || []);
    c.stroke();
  }
  path(points, {stroke, width = 1, dash, fill}) {
    const {c} = this;
    c.beginPath();
    for (const [kind, ...p] of points) {
      if (kind === 'M') c.moveTo(...p);
      else if (kind === 'L') c.lineTo(...p);
      else c.bezierCurveTo(...p);
    }
    if (fill) c.fillStyle = fill, c.fill();
    if (stroke) this.line(stroke, width, dash);
  }
  text(text, x, y, {font, fill, align = 'left'}) {
    const {c} = this;
    c.font = font;
    c.fillStyle = fill;
    c.textAlign = align;
    c.fillText(text, x, y);
  }
  /** Slanted lines over a box, so that what is not finite is seen without colours. */
  hatch(x, y, w, h, stroke) {
    const {c} = this;
    c.save();
    c.beginPath();
    c.rect(x, y, w, h);
    c.clip();
    c.beginPath();
    for (let d = -h; d < w; d += 7) c.moveTo(x + d, y + h), c.lineTo(x + d + h, y);
    c.strokeStyle = stroke;
    c.lineWidth = 1;
    c.setLineDash([]);
    c.globalAlpha = .45;
    c.stroke();
    c.restore();
  }
  alpha(a) {
    this.c.globalAlpha = a;
  }
}

const safe = text => String(text).replace(/[\x00-\x08\x0b\x0c\x0e-\x1f]/g, '').replace(/&/g, '&amp;').replace(/</g, '&lt;')
  .replace(/>/g, '&gt;').replace(/"/g, '&quot;');
const fixed = x => String(+x.toFixed(2));

export class SvgPen {
  constructor() {
    this.out = [];
    this.opacity = '';
  }
  paint({fill, stroke, width = 1, dash}) {
    return ` fill="${fill || 'none'}"` + (stroke ? ` stroke="${stroke}" stroke-width="${fixed(width)}"` : '') +
      (dash ? ` stroke-dasharray="${dash.join(' ')}"` : '') + this.opacity;
  }
  rect(x, y, w, h, style) {
    const {round = 3} = style;
    this.out.push(`<rect x="${fixed(x)}" y="${fixed(y)}" width="${fixed(w)}" height="${fixed(h)}"${round ? ` rx="${round}"` : ''}${this.paint(style)}/>`);
  }
  path(points, style) {
    this.out.push(`<path d="${points.map(([kind, ...p]) => kind + p.map(fixed).join(' ')).join('')}"${this.paint(style)}/>`);
  }
  text(text, x, y, {font, fill, align = 'left'}) {
    const anchor = {left: 'start', center: 'middle', right: 'end'}[align], bold = /^600/.test(font) ? ' font-weight="600"' : '';
    this.out.push(`<text x="${fixed(x)}" y="${fixed(y)}" font-size="${/(\d+)px/.exec(font)[1]}" text-anchor="${anchor}"${bold} fill="${fill}"${this.opacity}>${safe(text)}</text>`);
  }
  hatch(x, y, w, h, stroke) {
    const d = [];
    for (let k = 7; k < w; k += 7) d.push(`M${fixed(x + k)} ${fixed(y + h)}L${fixed(x + Math.min(w, k + 5))} ${fixed(y)}`);
    this.out.push(`<path d="${d.join('')}" fill="none" stroke="${stroke}" stroke-opacity="0.45"/>`);
  }
  alpha(a) {
    this.opacity = a === 1 ? '' : ` opacity="${a}"`;
  }
  file(left, top, w, h, ground, title) {
    return `<svg xmlns="http://www.w3.org/2000/svg" width="${fixed(w)}" height="${fixed(h)}" viewBox="${[left, top, w, h].map(fixed).join(' ')}" ` +
      `font-family="ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace" role="img">\n<title>${safe(title)}</title>\n` +
      `<rect x="${fixed(left)}" y="${fixed(top)}" width="${fixed(w)}" height="${fixed(h)}" fill="${ground}"/>\n${this.out.join('\n')}\n</svg>\n`;
  }
}

/** The number of a box in a mode, and what is not finite inside it. */
export function figureOf(M, mode, item) {
  if (item.group) return figures(M, mode, item.group);
  return {value: mode.of(item.id), bad: M.nodes.flags[item.id] & BAD};
}

/** The fill of a box. */
export function fillOf(M, mode, item, theme) {
  if (item.ghost) return theme.ground;
  const {value, bad} = figureOf(M, mode, item);
  if (bad && mode.scale !== 'kind') return badColour(bad);
  if (item.leaf && mode.scale === 'kind') return theme.leaf;
  return (mode.has && colourOf(mode, value)) || (item.leaf ? theme.leaf : theme.plain);
}

function wayOf(points) {
  const d = [];
  points.forEach(([x, top, bottom], k) => {
    if (!k) d.push(['M', x, top]);
    else {
      const [px, , py] = points[k - 1], mid = (py + top) / 2;
      if (px === x) d.push(['L', x, top]);
      else d.push(['C', px, mid, x, mid, x, top]);
    }
    if (bottom !== top) d.push(['L', x, bottom]);
  });
  return d;
}

/**
 * Draws a scene. look: {theme, mode, state, view (world rectangle), zoom, lit (keys of boxes lit by the pointer)}.
 * Returns how many boxes were inside the view.
 */
export function paint(pen, M, scene, look) {
  const {theme, mode, state, view, zoom} = look, plain = zoom < .28;
  const inside = item => item.x + item.r + 8 >= view[0] && item.x - item.l - 8 <= view[2] && item.y + item.h / 2 + 8 >= view[1] &&
    item.y - item.h / 2 - 8 <= view[3];
  for (const item of scene.items) if (item.frame && inside(item)) drawFrame(pen, item, look);
  for (const edge of scene.edges) {
    const p = edge.points, y0 = p[0][1], y1 = p[p.length - 1][2];
    if (Math.max(y0, y1) < view[1] || Math.min(y0, y1) > view[3]) continue;
    drawEdge(pen, M, edge, look, plain);
  }
  let drawn = 0;
  for (const item of scene.items) {
    if (item.frame || !inside(item)) continue;
    drawn++;
    if (plain && !item.group) pen.rect(item.x - item.w / 2, item.y - item.h / 2, item.w, item.h, {fill: fillNow(M, item, look), round: 0});
    else drawBox(pen, M, item, look);
    drawMarks(pen, M, item, look);
  }
  return drawn;
}

/** Whether a box or group holds one of the marked nodes; kept on the item per marking. */
export function holds(M, item, marks) {
  if (item.id >= 0) return marks[item.id];
  const kept = item.group.marks || (item.group.marks = new WeakMap());
  if (!kept.has(marks)) {
    let many = 0;
    for (let k = item.group.start; k < item.group.end; k++) many += marks[M.perm[k]] ? 1 : 0;
    kept.set(marks, many);
  }
  return kept.get(marks);
}

function drawFrame(pen, item, {theme, state, zoom, view}) {
  const x = item.x - item.l, y = item.y - item.h / 2, w = item.l + item.r;
  pen.rect(x, y, w, item.h, {fill: theme.frame, stroke: state.sel === item.key ? theme.focus : theme.edge, width: state.sel === item.key ? 3 : 1, round: 6});
  if (zoom < .28) return;
  // Where the frame begins left of the pane, its title stays in sight.
  const title = '▾ ' + item.label, far = Math.max(x + 10, Math.min(view[0] + 8 / zoom, x + w - textWidth(title, BOLD) - 10));
  pen.text(title, far, y + 16, {font: BOLD, fill: theme.ink});
}

function drawEdge(pen, M, edge, {theme, mode, state, lit, zoom, ends}, plain) {
  const on = lit && (lit.has(edge.a.key) && lit.has(edge.b.key)), way = wayOf(edge.points), last = edge.points[edge.points.length - 1];
  const off = state.path && !(holds(M, edge.a, state.path) && holds(M, edge.b, state.path));
  const cut = edge.kind === 2, dash = cut ? [4, 4] : edge.kind === 1 ? [2, 3] : edge.back ? [8, 4] : null;
  pen.alpha(off ? .25 : 1);
  if (state.cards && !cut && (edge.bad || !Number.isNaN(edge.norm)) && (state.step < 0 || shown(M, edge, state))) {
    // Up: the gradient, as wide as it is large; down, thin: the value.
    const t = edge.norm > 0 ? level(ends, edge.norm) : .5;
    const gradient = edge.bad ? BAD_COLOUR : colourOf(ends, edge.norm) || theme.plain;
    pen.path(way, {stroke: theme.edge, width: 4.2 + 7 * t});
    pen.path(way, {stroke: gradient, width: 3 + 7 * t});
    const [x, , y] = edge.points[0], s = 7 + 4 * t;
    pen.path([['M', x, y], ['L', x - s, y + s + 2], ['L', x + s, y + s + 2], ['L', x, y]], {fill: gradient, stroke: theme.edge, width: .6});
  }
  const plainEdge = state.cards || mode.unit !== '|grad|' || cut;
  const colour = plainEdge ? null : edge.bad ? BAD_COLOUR : colourOf(mode, edge.norm);
  const stroke = on ? theme.focus : colour ? lineOn(colour, theme) : theme.edge;
  const wide = Math.max(Math.min(6, 1.3 + Math.log2(edge.n) * .6), zoom < .4 ? .8 / zoom : 0);
  pen.path(way, {stroke, width: on ? 3 : state.cards ? 1.2 : wide, dash});
  if (!plain) {
    const [x, y] = last, s = edge.back ? -1 : 1, half = state.cards ? 4 : 3 + wide;
    pen.path([['M', x, y], ['L', x - half, y - (4 + half) * s], ['L', x + half, y - (4 + half) * s], ['L', x, y]], {fill: stroke});
  }
  pen.alpha(1);
}

const shown = (M, edge, state) => edge.a.id >= 0 && M.rank[edge.a.id] <= state.step + 1 && M.rank[edge.b.id] <= state.step;

/** The fill while one steps or looks at a way: what the pass has not reached, or is off the way, has no colour. */
function fillNow(M, item, {theme, mode, state}) {
  const off = state.step >= 0 && !item.ghost && firstRank(M, item) > state.step || state.path && !holds(M, item, state.path);
  return off && !item.ghost ? theme.plain : fillOf(M, mode, item, theme);
}

/** The step in which the pass first comes to a box. */
function firstRank(M, item) {
  if (!item.group) return M.rank[item.id];
  if (item.group.first === undefined) {
    item.group.first = Infinity;
    for (let k = item.group.start; k < item.group.end; k++) {
      const rank = M.rank[M.perm[k]];
      if (rank >= 0 && rank < item.group.first) item.group.first = rank;
    }
  }
  return item.group.first;
}

function drawBox(pen, M, item, look) {
  const {theme, mode, state} = look, fill = fillNow(M, item, look), ink = item.ghost ? theme.ink : inkOn(fill);
  const x = item.x - item.w / 2, y = item.y - item.h / 2, figure = figureOf(M, mode, item);
  if (item.group) pen.rect(x + 4, y + 4, item.w, item.h, {fill, stroke: theme.edge});
  const root = item.id >= 0 && M.nodes.flags[item.id] & ROOT;
  pen.rect(x, y, item.w, item.h, {fill, stroke: item.ghost ? theme.muted : theme.edge, width: root ? 2.5 : 1, dash: item.ghost ? [4, 3] : null});
  const text = figureText(mode, figure.value), bad = figure.bad & BAD_GRAD ? 'nan/inf grad' : figure.bad ? 'nan/inf value' : '';
  if (item.group) {
    if (figure.bad) pen.hatch(x, y, item.w, item.h, '#ffffff');
    pen.text(item.label, item.x, item.y - 4, {font: BOLD, fill: ink, align: 'center'});
    pen.text(`${item.n.toLocaleString('en')} ops ▸ ${bad || text}`, item.x, item.y + 14, {font: SMALL, fill: ink, align: 'center'});
  } else if (state.cards) {
    if (figure.bad) pen.hatch(x, y, item.w, 24, '#ffffff');
    pen.text(item.label, x + 10, y + 17, {font: BOLD, fill: ink});
    pen.text(item.second, x + item.w - 10, y + 17, {font: SMALL, fill: ink, align: 'right'});
    if (item.rows.length) pen.rect(x + 1, y + 25, item.w - 2, item.h - 26, {fill: theme.ground, round: 2});
    item.rows.forEach(([name, value], k) => {
      const base = y + 41 + k * ROW;
      pen.text(name, x + 9, base, {font: SMALL, fill: theme.muted});
      pen.text(value, x + 17 + item.keyWidth, base, {font: name === 'gradient' || name === '.grad' ? '600 ' + SMALL : SMALL, fill: theme.ink});
    });
  } else {
    if (figure.bad) pen.hatch(x, y, item.w, item.h, '#ffffff');
    pen.text(item.label, item.x, item.second ? item.y - 4 : item.y + 4, {font: BOLD, fill: ink, align: 'center'});
    if (item.second) pen.text(item.second, item.x, item.y + 13, {font: SMALL, fill: ink, align: 'center'});
  }
  for (const chip of item.chips) {
    const lit = look.chip !== undefined && chip.leaf === look.chip, at = item.x + chip.x, done = stepDone(M, state, chip);
    const chipFill = chip.ghost ? theme.ground : done ? theme.leafDone : theme.leaf;
    pen.path([['M', at + chip.w, item.y], ['L', at + chip.w + 6, item.y]], {stroke: theme.edge});
    pen.rect(at, item.y - 10, chip.w, 20, {fill: chipFill, stroke: lit || state.sel === 'n' + chip.leaf ? theme.focus : chip.ghost ? theme.muted : theme.edge,
      width: lit || state.sel === 'n' + chip.leaf ? 3 : 1, dash: chip.ghost ? [4, 3] : null, round: 9});
    pen.text(chip.text, at + chip.w / 2, item.y + 4, {font: SMALL, fill: chip.ghost ? theme.ink : inkOn(chipFill), align: 'center'});
  }
}

const stepDone = (M, state, chip) => state.step >= 0 && chip.leaf >= 0 && M.rank[chip.leaf] >= 0 && M.rank[chip.leaf] <= state.step;

/** Outlines: the selection, the step, matches of the search, boxes lit by the pointer. */
function drawMarks(pen, M, item, {theme, state, lit}) {
  const x = item.x - item.w / 2, y = item.y - item.h / 2;
  const ring = (far, stroke, width, dash) => pen.rect(x - far, y - far, item.w + 2 * far, item.h + 2 * far, {stroke, width, dash, round: 5});
  if (lit && lit.has(item.key)) ring(2, theme.focus, 1.5);
  if (state.sel === item.key) ring(3, theme.focus, 3);
  const at = state.step >= 0 ? M.byOrder[state.step] : -1;
  if (at >= 0 && (item.id === at || item.group && M.pos[at] >= item.group.start && M.pos[at] < item.group.end)) ring(6, theme.step, 3, [7, 3]);
  if (state.line && holds(M, item, state.lineMarks)) ring(3, theme.hit, 2);
  const many = state.hits && holds(M, item, state.hits);
  if (many) {
    ring(4, theme.hit, 2.5);
    const text = item.group ? String(many) : '✓', w = textWidth(text, SMALL) + 8;
    pen.rect(x + item.w - w + 4, y - 11, w, 15, {fill: theme.hit, round: 7});
    pen.text(text, x + item.w - w / 2 + 4, y, {font: SMALL, fill: inkOn(theme.hit), align: 'center'});
  }
}

