// A layered layout of one group's boxes: ranks, order within a rank, places. Linear in boxes and edges.
// The heaviest path stands at x = 0 from top to bottom, so that a chain runs straight down.

const GAP_X = 26, GAP_Y = 34;

/**
 * Gives each box {l, r, h, port} a place (x, y: its anchor) and each edge {s, t, so, to, w} its bends.
 * l and r reach from the anchor to the sides; port is -1 for a way in at the top border, 1 for one out at the bottom.
 * so and to move an edge's end from the anchor. Returns {left, right, height}.
 */
export function layered(boxes, edges) {
  for (const e of edges) e.back = false, e.bends = [];
  breakCycles(boxes, edges);
  const rows = ranked(boxes, edges);
  const line = withDummies(boxes, edges, rows);
  sortRows(rows);
  pinHeaviest(boxes, edges);
  return place(rows, line, edges);
}

const from = e => e.back ? e.t : e.s;
const to = e => e.back ? e.s : e.t;

function breakCycles(boxes, edges) {
  const out = lists(boxes, edges, e => e.s), state = new Uint8Array(boxes.length);
  for (let root = 0; root < boxes.length; root++) {
    if (state[root]) continue;
    const stack = [[root, 0]];
    state[root] = 1;
    while (stack.length) {
      const top = stack[stack.length - 1], list = out[top[0]];
      if (top[1] >= list.length) {
        state[top[0]] = 2;
        stack.pop();
        continue;
      }
      const e = list[top[1]++];
      if (state[e.t] === 1) e.back = true;
      else if (!state[e.t]) state[e.t] = 1, stack.push([e.t, 0]);
    }
  }
}

function lists(boxes, edges, end) {
  const made = boxes.map(() => []);
  for (const e of edges) made[end(e)].push(e);
  return made;
}

function ranked(boxes, edges) {
  const out = lists(boxes, edges, from), into = lists(boxes, edges, to), waiting = into.map(list => list.length), queue = [];
  boxes.forEach((box, i) => {
    box.rank = 0;
    if (!waiting[i]) queue.push(i);
  });
  for (let head = 0; head < queue.length; head++) {
    const i = queue[head];
    for (const e of out[i]) {
      const next = to(e);
      boxes[next].rank = Math.max(boxes[next].rank, boxes[i].rank + 1);
      if (!--waiting[next]) queue.push(next);
    }
  }
  // Boxes that only feed something far below move down to it.
  for (let k = queue.length - 1; k >= 0; k--) {
    const i = queue[k];
    if (!out[i].length || into[i].length > out[i].length) continue;
    let lowest = Infinity;
    for (const e of out[i]) lowest = Math.min(lowest, boxes[to(e)].rank - 1);
    boxes[i].rank = Math.max(boxes[i].rank, lowest);
  }
  let last = 0;
  for (const box of boxes) {
    if (!box.port) last = Math.max(last, box.rank);
  }
  let top = Infinity;
  for (const box of boxes) if (!box.port) top = Math.min(top, box.rank);
  const rows = [];
  for (const box of boxes) {
    if (box.port) box.rank = box.port < 0 ? 0 : last + 2 - top;
    else box.rank += 1 - top;
    (rows[box.rank] = rows[box.rank] || []).push(box);
  }
  for (let r = 0; r < rows.length; r++) rows[r] = rows[r] || [];
  return rows;
}

/** Each edge as a chain of boxes one rank apart; the ones in between hold its lane free. */
function withDummies(boxes, edges, rows) {
  const all = boxes.slice();
  for (const box of boxes) box.up = [], box.down = [];
  for (const e of edges) {
    const chain = [boxes[from(e)]], end = boxes[to(e)];
    for (let r = chain[0].rank + 1; r < end.rank; r++) {
      const bend = {l: 6, r: 6, h: 0, rank: r, up: [], down: [], bend: true};
      rows[r].push(bend);
      all.push(bend);
      chain.push(bend);
    }
    chain.push(end);
    e.chain = chain;
    const first = e.back ? e.to : e.so, second = e.back ? e.so : e.to;
    for (let k = 1; k < chain.length; k++) {
      const link = {a: chain[k - 1], b: chain[k], ao: k === 1 ? first : 0, bo: k === chain.length - 1 ? second : 0, w: e.w};
      link.a.down.push(link);
      link.b.up.push(link);
    }
  }
  return all;
}

function sortRows(rows) {
  const number = () => rows.forEach(row => row.forEach((box, k) => box.o = k));
  number();
  let boxes = 0;
  for (const row of rows) boxes += row.length;
  // Counting crossings picks the best sweep; on big drawings the last one is taken.
  const small = boxes < 1500;
  let best = small ? crossings(rows) : 1, kept = rows.map(row => row.slice());
  for (let k = 0; k < 8 && best; k++) {
    const upward = k % 2;
    for (let n = 0; n < rows.length; n++) {
      const row = rows[upward ? rows.length - 1 - n : n];
      if (row.length < 2) continue;
      for (const box of row) {
        const spots = [];
        for (const link of upward ? box.down : box.up) {
          const far = upward ? link.b : link.a, off = upward ? link.bo : link.ao;
          spots.push(far.o + off / (far.l + far.r + 1) * .9);
        }
        spots.sort((a, b) => a - b);
        box.b = spots.length ? (spots[(spots.length - 1) >> 1] + spots[spots.length >> 1]) / 2 : box.o;
      }
      row.sort((a, b) => a.b - b.b || a.o - b.o);
      row.forEach((box, i) => box.o = i);
    }
    const now = small ? crossings(rows) : 1;
    if (!small || now < best) best = now, kept = rows.map(row => row.slice());
  }
  kept.forEach((row, r) => rows[r] = row);
  number();
}

function crossings(rows) {
  let total = 0;
  for (const row of rows) {
    const links = [];
    for (const box of row) for (const link of box.down) links.push([link.a.o + link.ao * 1e-4, link.b.o + link.bo * 1e-4]);
    if (links.length > 400) continue;
    for (let i = 0; i < links.length; i++) {
      for (let j = 0; j < i; j++) if ((links[i][0] - links[j][0]) * (links[i][1] - links[j][1]) < 0) total++;
    }
  }
  return total;
}

/** The path whose edges weigh most, marked on its boxes and bends. */
function pinHeaviest(boxes, edges) {
  const into = lists(boxes, edges, to), order = boxes.map((_, i) => i).sort((a, b) => boxes[a].rank - boxes[b].rank);
  const weight = new Float64Array(boxes.length), by = new Array(boxes.length);
  let end = -1;
  for (const i of order) {
    for (const e of into[i]) {
      const w = weight[from(e)] + e.w * (boxes[to(e)].rank - boxes[from(e)].rank);
      if (w > weight[i]) weight[i] = w, by[i] = e;
    }
    if (end < 0 || weight[i] >= weight[end]) end = i;
  }
  while (end >= 0) {
    boxes[end].pin = true;
    if (!by[end]) break;
    for (const box of by[end].chain) box.pin = true;
    end = from(by[end]);
  }
}

/** Values nearest to the wanted ones that never decrease: neighbours that would pass each other share their mean. */
function monotone(wanted) {
  const pools = [];
  for (const want of wanted) {
    let pool = {sum: want, n: 1};
    while (pools.length && pools[pools.length - 1].sum / pools[pools.length - 1].n > pool.sum / pool.n) {
      const last = pools.pop();
      pool = {sum: last.sum + pool.sum, n: last.n + pool.n};
    }
    pools.push(pool);
  }
  return pools.flatMap(pool => new Array(pool.n).fill(pool.sum / pool.n));
}

/** How far apart the anchors of neighbours are at least. */
const apart = (a, b) => a.r + b.l + (a.bend && b.bend ? 4 : GAP_X);

/** The bends of an edge at one x, where their neighbours leave room for that: near one end, else near the middle. */
function straighten(rows, edge) {
  const bends = edge.chain.slice(1, -1);
  if (bends.length < 2 || bends[0].pin) return;
  let low = -Infinity, high = Infinity, sum = 0;
  for (const bend of bends) {
    const row = rows[bend.rank], left = row[bend.o - 1], right = row[bend.o + 1];
    if (left) low = Math.max(low, left.x + apart(left, bend));
    if (right) high = Math.min(high, right.x - apart(bend, right));
    sum += bend.x;
  }
  if (low > high) return;
  const [first, last] = [edge.chain[0], edge.chain[edge.chain.length - 1]];
  const ends = [first.x + (edge.back ? edge.to : edge.so), last.x + (edge.back ? edge.so : edge.to)];
  const x = ends.find(end => end >= low && end <= high), middle = Math.max(low, Math.min(high, sum / bends.length));
  for (const bend of bends) bend.x = x === undefined ? middle : x;
}

function settle(row) {
  // With each box's room subtracted, keeping apart means never decreasing.
  const room = [0];
  for (let k = 1; k < row.length; k++) {
    room[k] = room[k - 1] + apart(row[k - 1], row[k]);
  }
  const pin = row.findIndex(box => box.pin), base = pin < 0 ? 0 : room[pin];
  const spots = monotone(row.map((box, k) => box.tx - (room[k] - base)));
  row.forEach((box, k) => {
    let spot = spots[k];
    if (pin >= 0) spot = k < pin ? Math.min(0, spot) : k > pin ? Math.max(0, spot) : 0;
    box.x = spot + room[k] - base;
  });
}

function place(rows, all, edges) {
  for (const box of all) box.x = box.tx = 0;
  for (const row of rows) settle(row);
  for (let k = 0; k < 10; k++) {
    const upward = k % 2;
    for (let n = 0; n < rows.length; n++) {
      const row = rows[upward ? rows.length - 1 - n : n];
      for (const box of row) {
        let sum = 0, total = 0;
        for (const link of upward || k > 5 ? box.down : []) sum += (link.b.x + link.bo - link.ao) * link.w, total += link.w;
        for (const link of !upward || k > 5 ? box.up : []) sum += (link.a.x + link.ao - link.bo) * link.w, total += link.w;
        box.tx = total ? sum / total : box.x;
      }
      settle(row);
    }
  }
  for (const edge of edges.slice().sort((a, b) => b.w - a.w)) straighten(rows, edge);
  let y = 0, left = 0, right = 0;
  for (const [r, row] of rows.entries()) {
    let height = 0, links = 0;
    for (const box of row) {
      height = Math.max(height, box.h);
      links += box.down.length;
    }
    for (const box of row) {
      box.y = y + height / 2;
      box.rowTop = y;
      box.rowEnd = y + height;
      left = Math.max(left, box.l - box.x);
      right = Math.max(right, box.x + box.r);
    }
    // Rows of ports alone take no room; rows with many edges between them get more.
    const next = rows[r + 1], border = height ? next && next.length && next[0].port : row.length && row[0].port;
    if (border) y += height + GAP_Y / 2;
    else if (row.length) y += height + (height ? GAP_Y + Math.min(40, 2 * Math.max(0, links - 4)) : 0);
  }
  const last = rows[rows.length - 1];
  const height = last && last.length ? last[0].rowEnd : 0;
  return {left, right, height};
}
