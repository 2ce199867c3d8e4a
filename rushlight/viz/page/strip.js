// The backward strip: one bar per operation in the order of the backward pass, the largest of a column where there are
// more operations than pixels. Parameters have a lane of their own. Dragging over it steps through the pass.
import {$, bytesText, clamp, count} from './util.js';
import {BAD, BAD_GRAD} from './model.js';
import {badColour, colourOf, level} from './colours.js';
import {app, mode, pane, setStep} from './app.js';
import {stepSentence} from './words.js';

export function makeStrip() {
  const {M, state} = app, canvas = $('strip');
  const at = event => {
    const box = canvas.getBoundingClientRect();
    return clamp(Math.floor((event.clientX - box.left) / box.width * M.byOrder.length), 0, M.byOrder.length - 1);
  };
  canvas.addEventListener('pointerdown', event => {
    canvas.setPointerCapture(event.pointerId);
    setStep(nearest(at(event)));
  });
  canvas.addEventListener('pointermove', event => {
    if (event.buttons && at(event) !== state.step) setStep(nearest(at(event)));
  });
  canvas.addEventListener('keydown', event => {
    const last = M.byOrder.length - 1, page = Math.max(1, Math.round(last / 20));
    const step = {ArrowLeft: -1, ArrowRight: 1, ArrowDown: -1, ArrowUp: 1, PageDown: -page, PageUp: page}[event.key];
    if (step) setStep(Math.max(0, state.step + step));
    else if (event.key === 'Home') setStep(0);
    else if (event.key === 'End') setStep(last);
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  pane(['mode', 'step', 'theme', 'sel'], draw);
  pane(['step', 'mode', 'sel', 'told'], now => {
    const id = state.step < 0 ? -1 : M.byOrder[state.step];
    const said = id < 0 ? '' : `${state.step + 1}/${M.byOrder.length}  ${stepSentence(M, id)}`;
    $('said').textContent = state.told || said || caption();
    if (!now.has('step')) return;
    canvas.setAttribute('aria-valuemin', 0);
    canvas.setAttribute('aria-valuemax', Math.max(0, M.byOrder.length));
    canvas.setAttribute('aria-valuenow', state.step + 1);
    canvas.setAttribute('aria-valuetext', said || 'before the backward pass');
    if (said) $('live').textContent = said;
  });
}

/** The largest operation among those that share a pixel with step k. */
function nearest(k) {
  const {M} = app, wide = M.byOrder.length / Math.max(1, $('strip').clientWidth), m = mode();
  if (wide <= 1) return k;
  let best = k;
  for (let j = k; j < Math.min(M.byOrder.length, k + wide); j++) {
    const x = m.of(M.byOrder[j]), y = m.of(M.byOrder[best]);
    if (M.nodes.flags[M.byOrder[j]] & BAD_GRAD) return j;
    if (x > y || Number.isNaN(y)) best = j;
  }
  return best;
}

function caption() {
  const {M} = app, m = mode();
  if (!M.byOrder.length) return 'No backward order: the pass was not run, or not recorded.';
  const range = m.has && m.high >= m.low && m.scale !== 'kind' && m.scale !== 'bad' ? ` ${m.text(m.low)} to ${m.text(m.high)}.` : '';
  return `The backward pass, ${count(M.byOrder.length, 'step')} from the loss on; height and colour: ${m.name}.${range}` +
    (m.has ? '' : ` ${m.why}`) + ' Drag, or [ and ], to step.';
}

// The bars as a picture, and what they were drawn for: a step moves nothing but the cursor.
const image = document.createElement('canvas');
let drawnFor = [];

function draw() {
  const t = performance.now(), {M, state, theme} = app, canvas = $('strip'), c = canvas.getContext('2d');
  const k = devicePixelRatio, W = canvas.clientWidth, H = canvas.clientHeight, n = M.byOrder.length;
  canvas.width = W * k;
  canvas.height = H * k;
  if (!n || !W) return;
  const now = [mode(), theme, W, H, k, state.line && state.lineMarks];
  if (now.some((x, at) => x !== drawnFor[at])) {
    drawnFor = now;
    image.width = canvas.width;
    image.height = canvas.height;
    bars(image.getContext('2d'), ...now);
  }
  c.drawImage(image, 0, 0);
  if (state.step >= 0) {
    c.scale(k, k);
    c.fillStyle = theme.step;
    c.fillRect(state.step / n * W + Math.max(1, W / n) / 2 - 1, 0, 2, H);
  }
  app.perf.strip = performance.now() - t;
}

function bars(c, m, theme, W, H, k, marks) {
  const {M, perf} = app, n = M.byOrder.length;
  perf.bars = (perf.bars || 0) + 1;
  c.scale(k, k);
  const columns = Math.min(W, n), wide = W / columns, heights = [H * .68, H * .26], bases = [H * .69, H];
  const value = [new Float64Array(columns).fill(NaN), new Float64Array(columns).fill(NaN)];
  const bad = [new Uint16Array(columns), new Uint16Array(columns)], on = new Uint8Array(columns);
  for (let j = 0; j < n; j++) {
    const i = M.byOrder[j], x = Math.min(columns - 1, Math.floor(j * columns / n)), l = M.lane[i], v = m.of(i);
    bad[l][x] |= M.nodes.flags[i] & BAD;
    if (marks && marks[i]) on[x] = 1;
    if (Number.isNaN(v)) continue;
    if (!(value[l][x] >= v)) value[l][x] = v;
  }
  for (let l = 0; l < 2; l++) {
    for (let x = 0; x < columns; x++) {
      const v = value[l][x], ill = m.scale !== 'kind' && bad[l][x];
      if (Number.isNaN(v) && !ill) continue;
      const s = ill ? 1 : m.scale === 'diverging' ? Math.abs(level(m, v) - .5) * 2 : level(m, v), h = 2 + (Number.isNaN(s) ? 0 : s) * (heights[l] - 3);
      c.fillStyle = ill ? badColour(ill) : m.has && colourOf(m, v) || theme.plain;
      c.globalAlpha = marks && !on[x] ? .3 : 1;
      c.fillRect(x * wide, bases[l] - h, Math.max(1, wide - (wide > 4 ? 1 : 0)), h);
    }
  }
  c.globalAlpha = 1;
  c.fillStyle = theme.edge;
  c.fillRect(0, H * .69, W, 1);
  c.font = '10px system-ui, sans-serif';
  if (value[1].some(v => !Number.isNaN(v)) || bad[1].some(Boolean)) label(c, 'parameters', 4, H - 4, theme);
  if (m.name === 'memory' && M.alive) alive(c, W, H, theme);
}

function label(c, text, x, y, theme) {
  c.fillStyle = theme.ground;
  c.globalAlpha = .8;
  c.fillRect(x - 2, y - 9, c.measureText(text).width + 4, 12);
  c.globalAlpha = 1;
  c.fillStyle = theme.ink;
  c.fillText(text, x, y);
}

/** Saved bytes alive: the pass runs the recording backwards, so the curve falls to the right. */
function alive(c, W, H, theme) {
  const {M} = app, n = M.byOrder.length;
  let most = 0;
  for (const i of M.byOrder) if (M.alive[i] > most) most = M.alive[i];
  if (!most) return;
  c.beginPath();
  let begun = false;
  for (let x = 0; x <= W; x++) {
    const v = M.alive[M.byOrder[Math.min(n - 1, Math.floor(x * n / W))]];
    if (!(v >= 0)) continue;
    const y = H * .69 - 2 - v / most * (H * .69 - 6);
    if (begun) c.lineTo(x, y);
    else c.moveTo(x, y);
    begun = true;
  }
  c.strokeStyle = theme.ink;
  c.lineWidth = 1.5;
  c.stroke();
  label(c, `saved and alive, at most ${bytesText(most)}`, 4, 12, theme);
}

