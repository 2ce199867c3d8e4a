// Values, gradients, rules and cuts in words, for cards, the inspector and the screen reader.
import {NONE, baseName, clip, num, shapeText} from './util.js';
import {BAD_GRAD, CUSTOM, FREED, INF_GRAD, INF_VALUE, NAN_GRAD, NAN_VALUE, ROOT, VIEW, dimsOf, exprOf, isGhost, isLeaf, makersOf, nodeName, opName, sourceLine, titleOf} from './model.js';

/** One row of values or grads: its numbers where they are few, else range and mean. */
export function summary(M, t, r) {
  const many = t.count[r], at = t.data ? t.data[r] : NONE, bad = t.nan[r] + t.inf[r];
  let text;
  if (!many) return 'empty';
  if (at !== NONE && at !== undefined && many <= 4) {
    const list = Array.from(M.data.slice(at, at + many), num);
    text = many === 1 && !list[0] ? num(t.mean[r]) : many === 1 ? list[0] : `[${list.join(', ')}]`;
  } else if (many === 1) text = num(t.mean[r]);
  else if (t.min[r] === t.max[r]) text = `all ${num(t.min[r])}`;
  else text = Number.isNaN(t.mean[r]) && Number.isNaN(t.min[r]) ? 'nothing finite' : `${num(t.min[r])} … ${num(t.max[r])}, mean ${num(t.mean[r])}`;
  return bad && many > 1 ? `${text}, ${bad} not finite` : text;
}

const texts = (M, t, i) => [...t.of(i)].map(r => summary(M, t, r)).join(' | ');
export const valueText = (M, i) => texts(M, M.values, i);
export const gradText = (M, i) => texts(M, M.grads, i) || (Number.isNaN(M.norm[i]) ? '' : `norm ${num(M.norm[i])}`);
export const shapesOf = (M, i) => [...M.outs.of(i)].map(r => shapeText(dimsOf(M, M.outs, r))).join(', ');

export function place(M, i) {
  const file = M.files[M.file[i]];
  return file ? `${baseName(file.path)}:${M.line[i]}` : '';
}

/** Rows of a learner's card: code, value, gradient, local rule. Gradients show as the pass reaches them. */
export function cardRows(M, state, i) {
  const rows = [], code = sourceLine(M, i) || exprOf(M, i), shape = shapesOf(M, i);
  if (isGhost(M, i)) return [['why', clip(cutReason(M, i), 56)], ...code ? [['code', clip(`${code}  ${place(M, i)}`, 56)]] : []];
  if (code) rows.push(['code', `${clip(code, 44)}  ${place(M, i)}`]);
  const value = valueText(M, i), grad = gradText(M, i), reached = state.step < 0 || M.rank[i] >= 0 && M.rank[i] <= state.step;
  if (value) rows.push([shape && shape !== 'scalar' ? `value (${shape})` : 'value', clip(value, 48)]);
  else if (shape) rows.push(['shape', shape]);
  if (grad) rows.push([isLeaf(M, i) ? '.grad' : 'gradient', reached ? clip(grad, 48) : '(not yet)']);
  for (const r of [...M.rules.of(i)].slice(0, 2)) rows.push(['rule', clip(M.str(M.rules.text[r]), 52)]);
  return rows;
}

/** An input without requires_grad, which cuts no chain. */
export const isData = (M, i) => /^requires_grad/.test(opName(M, i));

/** Why the way of a gradient ends here. */
export function cutReason(M, i) {
  const r = M.cutOf.get(i), reason = r === undefined ? opName(M, i) : M.str(M.cuts.reason[r]);
  const name = nodeName(M, i) || 'this input', where = place(M, i), at = where ? ` at ${where}` : '';
  if (/detach/.test(reason)) return `${name} was detached${at}: no gradient flows past it`;
  if (/no_grad|inference/.test(reason)) return `${name} was computed under ${reason}${at}: nothing was recorded`;
  if (/requires_grad/.test(reason)) return `${name} has requires_grad=False: no gradient is made for it`;
  return `${name}: ${reason}${at}`;
}

/** What the backward pass does at a node, in a sentence. */
export function stepSentence(M, i) {
  const title = titleOf(M, i), op = opName(M, i), grad = gradText(M, i);
  if (isLeaf(M, i)) return `${title}.grad receives ${grad || 'its gradient'}. A second backward pass adds to it.`;
  const node = op === title ? op : `${op} (${title})`, rules = [...M.rules.of(i)].map(r => {
    const rule = M.str(M.rules.text[r]), sentence = M.str(M.rules.sentence[r]), [, part, to] = /^(.+?) +-> +(.+)$/.exec(sentence) || [];
    return to ? `${rule}, so ${to} gets ${part}` : rule + (sentence && `: ${sentence}`);
  });
  if (rules.length) return `${node} receives ${grad || 'a gradient'}; ${rules.join('; ')}`;
  const feeds = [...M.ins(i)].filter(e => M.edges.kind[e] !== 2).map(e => M.edges.src[e]);
  const to = feeds.slice(0, 3).map(j => titleOf(M, j) + (Number.isNaN(M.norm[j]) ? '' : ` (norm ${num(M.norm[j])})`)).join(', ');
  const more = feeds.length > 3 ? ` and ${feeds.length - 3} more` : '';
  return `${node} receives a gradient${Number.isNaN(M.norm[i]) ? '' : ` of norm ${num(M.norm[i])}`}` +
    (to ? ` and hands its share to ${to}${more}.` : '.');
}

/** What a screen reader hears of a node. */
export function spoken(M, i) {
  const bits = [titleOf(M, i)], op = opName(M, i), shape = shapesOf(M, i);
  if (isGhost(M, i)) return cutReason(M, i);
  if (op !== bits[0]) bits.push(isLeaf(M, i) ? 'leaf' : op);
  if (M.line[i]) bits.push(`line ${M.line[i]}`);
  if (shape) bits.push(`shape ${shape.replace(/×/g, ' by ')}`);
  if (!Number.isNaN(M.norm[i]) || M.nodes.flags[i] & BAD_GRAD) bits.push(`gradient norm ${num(M.norm[i])}`);
  const makers = makersOf(M, i).slice(0, 3).map(j => titleOf(M, j) + (M.line[j] ? `, line ${M.line[j]}` : '')).join(' or ');
  return [...bits, ...badWords(M.nodes.flags[i]), ...makers ? [`made by ${makers}`] : []].join(', ');
}

function freedAt(M, i) {
  const site = M.nodes.freed ? M.nodes.freed[i] : NONE;
  return site === NONE || site === undefined || M.sites.line[site] === NONE ? '' : ` at ${baseName(M.files[M.sites.file[site]].path)}:${M.sites.line[site]}`;
}

const badWords = f => [f & NAN_VALUE && 'nan in its value', f & INF_VALUE && 'inf in its value', f & NAN_GRAD && 'nan in its gradient',
  f & INF_GRAD && 'inf in its gradient'].filter(Boolean);

export function flagWords(M, i) {
  const f = M.nodes.flags[i];
  return [f & ROOT && 'root', f & VIEW && 'view', f & FREED && `saved tensors freed${freedAt(M, i)}`, f & CUSTOM && 'custom Function',
    ...badWords(f)].filter(Boolean);
}

