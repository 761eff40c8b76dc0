"use strict";
(async () => {
  const $ = (id) => document.getElementById(id);
  /* Tooltips: whatever carries data-tip says it under the pointer. */
  const tip = $("tip");
  document.addEventListener("pointerover", (event) => {
    const mark = event.target.closest && event.target.closest("[data-tip]");
    tip.hidden = !mark;
    if (!mark) return;
    tip.textContent = mark.getAttribute("data-tip");
    const box = mark.getBoundingClientRect(), own = tip.getBoundingClientRect();
    tip.style.left = Math.max(4, Math.min(box.x + box.width / 2 - own.width / 2, innerWidth - own.width - 4)) + "px";
    tip.style.top = (box.y > own.height + 8 ? box.y - own.height - 6 : box.bottom + 6) + "px";
  });

  if (!$("rows") || !("DecompressionStream" in window)) return;
  const bytes = Uint8Array.from(atob($("payload").textContent), (c) => c.charCodeAt(0));
  const data = await new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).json();
  const say = data.words, PAGE = innerWidth < 720 ? 15 : 50;
  const [ANCHOR, NAME, ID, OWNER, PLAN, SEGMENT, BAND, SCORE, CHANGE, MRR, MRR_TEXT, RISK, ATTENTION, NEXT, DUE, DETAIL] = Array(16).keys();

  /* Elements are built from text only: nothing from the data is ever parsed as HTML. */
  const el = (tag, attributes, ...children) => {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes || {})) made.setAttribute(name, value);
    made.append(...children.filter((child) => child !== null && child !== undefined && child !== ""));
    return made;
  };
  const bdi = (text) => el("bdi", null, String(text));
  const signed = (n) => (Math.round(Math.abs(n)) === 0 ? "±0" : (n > 0 ? "+" : "−") + Math.round(Math.abs(n)));
  const cost = (n) => (n === null ? null : n > 0 ? "−" + n : n < 0 ? "+" + -n : "0");
  const fill = (text, n) => text.replace("{n}", n);
  const band = (place) => {
    const name = data.bands[place], known = ["red", "yellow", "green", "excellent", "insufficient"].includes(name);
    return el("span", { class: "band" }, el("i", { style: `background:var(--band-${known ? name : Math.min(place, 5)})` }), data.bandNames[place] || say.not_customer);
  };
  const health = (row) => el("span", { class: "health" },
    row[SCORE] === null ? "" : el("b", null, String(Math.round(row[SCORE]))), " ", band(row[BAND]), " ",
    row[CHANGE] === null ? "" : el("span", { class: row[CHANGE] <= -0.5 ? "bad" : row[CHANGE] >= 0.5 ? "good" : "" }, signed(row[CHANGE])));
  const chip = (place) => (place < 0 ? "" : el("span", { class: "chip chip-" + ["leaving", "unpaid", "red"][place] }, data.risks[place]));
  const list = (items) => el("ul", null, ...items.map((item) => el("li", null, ...[].concat(item))));

  /* The table: filtered and sorted rows, some at a time. */
  const labels = [...document.querySelectorAll("[data-sort]")].map((head) => head.textContent.trim());
  const KEYS = { account: NAME, owner: OWNER, health: SCORE, mrr: MRR, why: ATTENTION, next: DUE };
  const DOWN = new Set(["mrr", "why"]);
  const texts = data.rows.map((row) => [row[NAME], row[ID], data.owner[row[OWNER]], data.plan[row[PLAN]], data.segment[row[SEGMENT]], row[NEXT]].join(" ").toLowerCase());
  const FILTERS = { owner: OWNER, plan: PLAN, segment: SEGMENT, band: BAND, risk: RISK };
  let order = data.rows.map((_, n) => n), sorted = null, chosen = [], shown = 0;
  const cell = (n, ...children) => el("td", { role: "cell", "data-label": labels[n] }, ...children);
  const line = (row) => {
    const mrr = cell(3, row[MRR_TEXT]), reason = row[DETAIL][5][0];
    mrr.className = "amount";
    const plan = [data.plan[row[PLAN]], data.segment[row[SEGMENT]]].filter(Boolean).map((text) => " · " + text).join("");
    return el("tr", { role: "row" },
      el("th", { scope: "row", role: "rowheader" }, el("a", { href: "#" + row[ANCHOR] }, bdi(row[NAME])), el("span", { class: "sub" }, el("code", null, row[ID]), plan)),
      cell(1, data.owner[row[OWNER]] || "–"), cell(2, health(row)), mrr,
      cell(4, el("div", null, chip(row[RISK]), " ", reason ? bdi(reason[0]) : say.no_reason)), cell(5, bdi(row[NEXT] || "–")));
  };
  const extend = (count) => {
    $("rows").append(...chosen.slice(shown, shown + count).map((n) => line(data.rows[n])));
    shown = Math.min(chosen.length, shown + count);
    $("more").hidden = shown >= chosen.length;
    $("more").textContent = fill(say.more, chosen.length - shown);
  };
  const filter = () => {
    const words = $("f-search").value.toLowerCase().split(/\s+/).filter(Boolean);
    const wanted = Object.entries(FILTERS).filter(([name]) => $("f-" + name) && $("f-" + name).value !== "").map(([name, place]) => [place, Number($("f-" + name).value)]);
    chosen = order.filter((n) => wanted.every(([place, value]) => data.rows[n][place] === value) && words.every((word) => texts[n].includes(word)));
    $("found").textContent = fill(say.found, chosen.length);
    $("rows").replaceChildren();
    shown = 0;
    extend(PAGE);
  };
  const sort = (name, head) => {
    const same = sorted === name, down = same ? head.getAttribute("aria-sort") === "ascending" : DOWN.has(name);
    for (const other of document.querySelectorAll("[data-sort]")) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    sorted = name;
    const value = (row) => (name === "owner" ? data.owner[row[OWNER]] || "" : row[KEYS[name]]);
    const empty = (v) => v === null || v === "";
    order.sort((a, b) => {
      const x = value(data.rows[a]), y = value(data.rows[b]);
      if (empty(x) || empty(y)) return empty(x) - empty(y) || a - b;
      return (typeof x === "string" ? x.localeCompare(y) : x - y) * (down ? -1 : 1) || a - b;
    });
    filter();
  };
  for (const head of document.querySelectorAll("[data-sort]")) {
    const button = el("button", { type: "button" }, head.textContent.trim());
    button.addEventListener("click", () => sort(head.dataset.sort, head));
    head.replaceChildren(button);
  }
  $("filters").hidden = false;
  $("filters").addEventListener("input", filter);
  $("filters").addEventListener("submit", (event) => event.preventDefault());
  $("filters").addEventListener("reset", () => setTimeout(filter));
  $("more").addEventListener("click", () => extend(2 * PAGE));
  filter();

  /* One account, opened by its deep link. */
  const spark = (label, all, top) => {
    const values = all.filter((value) => value !== null);
    if (values.length < 2) return "";
    const low = Math.min(0, ...values), span = Math.max(top, ...values) - low || 1, name = "http://www.w3.org/2000/svg";
    const svg = document.createElementNS(name, "svg"), drawn = document.createElementNS(name, "polyline");
    for (const [key, value] of Object.entries({ class: "spark", viewBox: "0 0 100 24", preserveAspectRatio: "none", "aria-hidden": "true" })) svg.setAttribute(key, value);
    drawn.setAttribute("points", values.map((v, n) => `${(n * 100) / (values.length - 1)},${22 - (20 * (v - low)) / span}`).join(" "));
    svg.append(drawn);
    return el("div", null, el("span", { class: "small" }, label), svg);
  };
  const table = (caption, heads, rows) => el("table", { class: "figures stacked", role: "table" }, el("caption", { class: "hidden" }, caption),
    el("thead", { role: "rowgroup" }, el("tr", { role: "row" }, ...heads.map((head) => el("th", { scope: "col", role: "columnheader" }, head)))),
    el("tbody", { role: "rowgroup" }, ...rows.map(([first, ...rest]) => el("tr", { role: "row" }, el("th", { scope: "row", role: "rowheader" }, first),
      ...rest.map((value, n) => el("td", { role: "cell", "data-label": heads[n + 1] }, value === null ? "–" : value instanceof Node ? value : String(value)))))));
  const open = (row) => {
    const [mrr, mrrTexts, scores, bands, lost, reasons, tasks, use, tickets, answers, links, features, chance] = row[DETAIL];
    const close = el("button", { type: "button" }, say.close), parts = [];
    close.addEventListener("click", () => $("account").close());
    const part = (title, ...content) => parts.push(el("div", null, el("h3", null, title), ...content));
    part(say.reasons, reasons.length ? list(reasons.map(([text, points]) => [bdi(text), points ? el("span", { class: "soft" }, " " + cost(points)) : ""])) : say.no_reason);
    if (tasks.length) part(say.tasks, list(tasks.map(([title, due, who]) => [bdi(title), el("span", { class: "soft" }, ` · ${due}${who ? " · " + who : ""}`)])));
    part(say.use, use ? list([fill(say.days_28, use[0]).replace("{before}", use[1]), use[4] ? fill(say.seats, use[3]).replace("{seats}", use[4]) : fill(say.people, use[3])]) : say.no_use);
    if (features.length) part(say.features, list(features.map(([name, days]) => [bdi(name), el("span", { class: "soft" }, " · " + days)])));
    if (tickets.length) part(say.tickets, list(tickets.map(([day, subject, waits, link]) => [day + " ", link ? el("a", { href: link, rel: "noopener noreferrer" }, bdi(subject)) : bdi(subject), waits ? el("b", null, " · " + say.open) : ""])));
    if (answers.length) part(say.answers, list(answers.map(([day, score, person, comment]) => [`${day} · ${score}`, person ? " · " : "", bdi(person), comment ? " " : "", comment ? el("q", null, comment) : ""])));
    const months = data.days.map((day, n) => [day, mrrTexts[n], scores[n], bands[n] < 0 ? "–" : band(bands[n]), ...data.inputs.map((_, input) => cost(lost[n][input]))]).reverse();
    const plan = [data.owner[row[OWNER]] || say.none, data.plan[row[PLAN]], data.segment[row[SEGMENT]]].filter(Boolean).join(" · ");
    const title = el("h2", { id: "account-name", tabindex: "-1" }, bdi(row[NAME]));
    $("account").replaceChildren(
      el("div", { class: "head" }, el("div", null, title, el("p", { class: "soft" }, el("code", null, row[ID]), " · " + plan)), close),
      el("div", { class: "kpis" }, el("span", null, "MRR", el("b", null, row[MRR_TEXT])), el("span", null, say.health, el("br"), health(row)), chip(row[RISK])),
      chance ? el("p", { class: "chance" }, chance) : "",
      links.length ? el("p", null, ...links.flatMap(([name, url], n) => [n ? " · " : "", el("a", { href: url, rel: "noopener noreferrer" }, name)])) : "",
      el("div", { class: "pair" }, spark("MRR", mrr, 0), spark(say.health, scores, 100)),
      el("div", { class: "pair" }, ...parts),
      el("h3", null, say.history), table(say.history, [say.day, "MRR", say.health, "", ...data.inputs], months));
    if (!$("account").open) $("account").showModal();
    title.focus();
    $("account").scrollTop = 0;
  };
  const follow = () => {
    const row = location.hash.length > 1 && data.rows.find((one) => "#" + one[ANCHOR] === decodeURIComponent(location.hash));
    if (row) open(row);
    else if ($("account").open) $("account").close();
  };
  let scroll = 0;
  document.addEventListener("click", () => { scroll = scrollY; }, true);
  $("account").addEventListener("close", () => { history.replaceState(null, "", "#accounts"); scrollTo(0, scroll); });
  $("account").addEventListener("click", (event) => { if (event.target === $("account")) $("account").close(); });
  addEventListener("hashchange", follow);
  follow();

  /* Bands then and now, between any two of the days. */
  if ($("m-form")) {
    const days = data.days.map((day, n) => [n, day]);
    const heads = [...document.querySelectorAll("#migration thead th")].slice(1).map((head) => head.textContent.trim());
    const bands = data.bandNames.map((name, n) => [name, String(n)]).filter(([name]) => heads.includes(name)).map(([, n]) => n);
    $("m-from").append(...days.map(([n, day]) => el("option", { value: n }, day)));
    $("m-to").append(...days.map(([n, day]) => el("option", { value: n }, day)));
    $("m-from").value = Math.max(0, days.length - 4);
    $("m-to").value = days.length - 1;
    const count = () => {
      const from = Number($("m-from").value), to = Number($("m-to").value), counts = {};
      for (const [path, n] of Object.entries(data.paths)) counts[path[from] + path[to]] = (counts[path[from] + path[to]] || 0) + n;
      $("m-dates").textContent = `${data.days[from]} → ${data.days[to]}`;
      [...$("m-rows").rows].forEach((tr, y) => [...tr.cells].slice(1).forEach((td, x) => {
        td.textContent = counts[(bands[y] || ".") + (bands[x] || ".")] || "·";
        if (y === bands.length && x === bands.length) td.textContent = "·";
      }));
    };
    $("m-form").hidden = false;
    $("m-form").addEventListener("input", count);
    count();
  }
})();
