// Elements, numbers and texts that every pane uses.

export const NONE = 0xffffffff;

export const $ = id => document.getElementById(id);

/** An element. Children are elements or text, so no text of a program is ever read as HTML. */
export function el(tag, attributes, ...children) {
  const made = document.createElement(tag);
  for (const name in attributes) {
    const value = attributes[name];
    if (name.startsWith('on')) made.addEventListener(name.slice(2), value);
    else if (name === 'style') for (const key in value) made.style.setProperty(key, value[key]);
    else if (value !== false && value != null) made.setAttribute(name, value === true ? '' : value);
  }
  made.append(...children.flat(9).filter(child => child != null && child !== false));
  return made;
}

/** Four digits, an exponent where they would not do. */
export function num(x) {
  if (x == null || Number.isNaN(x)) return 'nan';
  if (!Number.isFinite(x)) return x > 0 ? 'inf' : '-inf';
  const size = Math.abs(x);
  if (size && (size >= 1e5 || size < 1e-3)) return x.toExponential(2).replace('e+', 'e');
  return String(+x.toPrecision(4));
}

const scaled = (x, units) => {
  let k = 0;
  while (x >= 1000 && k < units.length - 1) x /= 1000, k++;
  return `${+x.toPrecision(3)} ${units[k]}`;
};
export const bytesText = x => scaled(x, ['B', 'kB', 'MB', 'GB', 'TB']);
export const timeText = us => us < 1 ? `${Math.round(us * 1000)} ns` : scaled(us, ['µs', 'ms', 's']);
export const count = (n, one, many = one + 's') => `${n.toLocaleString('en')} ${n === 1 ? one : many}`;
export const clip = (text, most) => text.length > most ? text.slice(0, most - 1) + '…' : text;
export const shapeText = dims => dims.length ? dims.join('×') : 'scalar';
export const baseName = path => path.split(/[\\/]/).pop();
export const clamp = (x, low, high) => Math.max(low, Math.min(high, x));

/** Says it to a screen reader. */
export function announce(text) {
  $('live').textContent = text;
}
