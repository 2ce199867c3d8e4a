// Gradient norms of the leaves over the backward passes of a recorded training, as curves on a log scale.
import {count, el, num} from './util.js';

const NS = 'http://www.w3.org/2000/svg', W = 290, H = 120, DASHES = ['', '6 3', '2 2', '8 2 2 2'];
let kept;

export function trainingPanel(M) {
  const {step} = M.steps;
  if (!M.steps.n || step.every(s => s === step[0])) return [];
  return [kept = kept || chart(M)];
}

const part = (tag, attributes, text) => {
  const made = document.createElementNS(NS, tag);
  for (const name in attributes) made.setAttribute(name, attributes[name]);
  if (text !== undefined) made.textContent = text;
  return made;
};

function chart(M) {
  const {steps} = M, series = new Map();
  let low = Infinity, high = -Infinity, first = Infinity, last = -Infinity;
  for (let r = 0; r < steps.n; r++) {
    const name = M.str(steps.name[r]), x = steps.step[r], y = steps.norm[r];
    if (!series.has(name)) series.set(name, []);
    series.get(name).push([x, y]);
    first = Math.min(first, x);
    last = Math.max(last, x);
    if (y > 0 && Number.isFinite(y)) low = Math.min(low, y), high = Math.max(high, y);
  }
  const X = x => 52 + (last > first ? (x - first) / (last - first) : .5) * (W - 62);
  const Y = y => H - 18 - (high > low ? (Math.log(y) - Math.log(low)) / Math.log(high / low) : .5) * (H - 28);
  const said = [...series].slice(0, 12).map(([name, list]) => `${name} ${num(list[0][1])} to ${num(list[list.length - 1][1])}`).join('; ');
  const svg = part('svg', {viewBox: `0 0 ${W} ${H}`, width: '100%', role: 'img', 'aria-label': `gradient norms over ${count(last - first + 1, 'step')}: ${said}`});
  svg.append(part('path', {d: `M52 8V${H - 18}H${W - 8}`, class: 'axis'}));
  if (high >= low) svg.append(part('text', {x: 48, y: 14, 'text-anchor': 'end'}, num(high)), part('text', {x: 48, y: H - 18, 'text-anchor': 'end'}, num(low)));
  svg.append(part('text', {x: 52, y: H - 5}, String(first)), part('text', {x: W - 8, y: H - 5, 'text-anchor': 'end'}, `step ${last}`));
  const key = el('ul', {class: 'key'});
  [...series].slice(0, 12).forEach(([name, list], k) => {
    let d = '', up = true;
    for (const [x, y] of list) {
      if (y > 0 && Number.isFinite(y)) d += `${up ? 'M' : 'L'}${X(x).toFixed(1)} ${Y(y).toFixed(1)}`, up = false;
      else {
        up = true;
        if (!Number.isFinite(y)) svg.append(part('path', {d: `M${X(x)} 8V${H - 18}`, class: 'badline'}));
      }
    }
    const look = {class: `curve c${k % 6}`, 'stroke-dasharray': DASHES[Math.floor(k / 6) % 4]};
    svg.append(part('path', {d, ...look}));
    const swatch = part('svg', {width: 22, height: 8, 'aria-hidden': 'true'});
    swatch.append(part('path', {d: 'M0 4H22', ...look}));
    key.append(el('li', {}, swatch, ` ${name} ${num(list[0][1])} → ${num(list[list.length - 1][1])}`));
  });
  return el('section', {id: 'training'}, el('h3', {}, 'Gradient norms over training'), svg, key);
}
