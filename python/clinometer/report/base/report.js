"use strict";
// What a report gains with scripts: sorting, a choice of languages, the texts of marks, a way from a language to its
// queries, light or dark. Without scripts every chart, table and text is there all the same.
(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const one = (selector, root = document) => root.querySelector(selector);
  const element = (tag, properties) => Object.assign(document.createElement(tag), properties);

  // Light or dark: the reader's system decides until the button is used.
  const root = document.documentElement;
  const stored = { read: () => { try { return localStorage.getItem("clinometer-theme"); } catch { return null; } },
    write: theme => { try { localStorage.setItem("clinometer-theme", theme); } catch { /* not allowed to remember */ } } };
  const system = matchMedia("(prefers-color-scheme: dark)");
  const button = one(".theme");
  const isDark = () => (root.dataset.theme || (system.matches ? "dark" : "light")) === "dark";
  const label = () => {
    button.textContent = isDark() ? "Light" : "Dark";
    button.setAttribute("aria-label", `${button.textContent} colours`);
  };
  if (["light", "dark"].includes(stored.read())) root.dataset.theme = stored.read();
  button.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    stored.write(root.dataset.theme);
    label();
  });
  system.addEventListener("change", label);
  label();
  one(".tools").hidden = false;

  // Sorting: by the number of a cell where it has one; means stay last, undefined values before them.
  const valueOf = cell => {
    if (cell.dataset.number !== undefined) return Number(cell.dataset.number);
    const text = cell.firstChild ? cell.firstChild.textContent.trim() : "";
    const number = text.replaceAll(",", "").replace("−", "-").replace(/^[+<]/, "").replace(/%$/, "");
    return number !== "" && Number.isFinite(Number(number)) ? Number(number) : text;
  };
  const sortable = table => {
    const body = table.tBodies[0];
    const lines = [...body.rows].filter(row => !row.classList.contains("mean"));
    if (lines.length < 2) return;
    const means = [...body.rows].filter(row => row.classList.contains("mean"));
    const [first, second] = table.tHead.rows;
    const heads = second ? [first.cells[0], ...second.cells] : [...first.cells];
    const groups = second ? [...first.cells].slice(1).flatMap(cell => Array(cell.colSpan).fill(cell)) : [];
    heads.forEach((head, column) => {
      const names = column && second ? groups[column - 1].textContent : head.textContent;
      const sort = element("button", { type: "button", className: "sort", title: "Sort" });
      sort.append(...head.childNodes);
      head.append(sort);
      sort.addEventListener("click", () => {
        const known = row => row.cells[column].textContent !== "–";
        const numbers = lines.some(row => typeof valueOf(row.cells[column]) === "number");
        const start = numbers && !names.includes("↓") ? "descending" : "ascending";
        const now = head.getAttribute("aria-sort");
        const order = now !== start ? start : start === "ascending" ? "descending" : "ascending";
        heads.forEach(other => other.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", order);
        const sign = order === "ascending" ? 1 : -1;
        const compare = (a, b) => typeof a === "number" && typeof b === "number" ? a - b
          : String(a).localeCompare(String(b), "en", { numeric: true });
        const sorted = lines.filter(known).sort((a, b) => sign * compare(valueOf(a.cells[column]), valueOf(b.cells[column])));
        body.append(...sorted, ...lines.filter(row => !known(row)), ...means);
      });
    });
  };
  all("main table").forEach(table => { if (table.tHead && table.tBodies.length) sortable(table); });

  // Languages: lines and columns of tables and lists of queries of the others are hidden, lines of charts are pale.
  const filter = one(".filter");
  if (filter) {
    const boxes = all("input", filter);
    const columns = all("thead th[data-language]").map(head => ({ language: head.dataset.language, number: head.cellIndex,
      rows: [...head.closest("table").tBodies[0].rows] }));
    const apply = () => {
      const chosen = new Set(boxes.filter(box => box.checked).map(box => box.value));
      const known = new Set(boxes.map(box => box.value));
      const out = language => known.has(language) && !chosen.has(language);
      all("[data-language]").forEach(part => { part.hidden = out(part.dataset.language); });
      columns.forEach(column => column.rows.forEach(row => { row.cells[column.number].hidden = out(column.language); }));
      all("svg [data-line]").forEach(part => { part.classList.toggle("out", out(part.dataset.line)); });
      const every = chosen.size === boxes.length;
      one(".count", filter).textContent = every ? "all" : `${chosen.size} of ${boxes.length}`;
      one(".status").textContent = every ? "" : `${chosen.size} of ${boxes.length} languages are shown.`;
    };
    boxes.forEach(box => box.addEventListener("change", apply));
    const setAll = checked => () => { boxes.forEach(box => { box.checked = checked; }); apply(); };
    one("[data-all]", filter).addEventListener("click", setAll(true));
    one("[data-none]", filter).addEventListener("click", setAll(false));
    // A browser may bring the boxes back as they were before a reload.
    apply();
  }

  // A way into what is folded: its parents open.
  const reveal = target => {
    for (let part = target; part; part = part.parentElement) if (part.tagName === "DETAILS") part.open = true;
    (target.closest("details") || target).scrollIntoView();
  };
  const follow = () => {
    const target = document.getElementById(location.hash.slice(1));
    if (target && target.tagName !== "SECTION") reveal(target);
  };
  addEventListener("hashchange", follow);
  document.addEventListener("click", event => {
    const link = event.target.closest("a[href^='#']");
    if (!link) return;
    const folded = link.closest("details.contents");
    if (folded) folded.open = false;
    if (link.hash === location.hash) follow();
  });
  follow();

  // The text of a mark: on hover, and with the keyboard, where a chart is one stop and arrows go on from mark to mark.
  const tip = element("div", { className: "tip", role: "tooltip", id: "tip", hidden: true });
  document.body.append(tip);
  const show = mark => {
    tip.textContent = mark.getAttribute("aria-label") || mark.dataset.tip;
    tip.hidden = false;
    const box = mark.getBoundingClientRect(), size = tip.getBoundingClientRect();
    const left = Math.min(Math.max(8, box.left + box.width / 2 - size.width / 2), innerWidth - size.width - 8);
    const above = box.top - size.height - 8;
    tip.style.left = `${left + scrollX}px`;
    tip.style.top = `${(above < 4 ? box.bottom + 8 : above) + scrollY}px`;
  };
  const hide = () => { tip.hidden = true; };
  let touched = null;
  const drills = new Map(all("details.drill").map(part => [part.dataset.language, one("[id]", part)]));
  all("figure > svg").forEach(svg => {
    const marks = all(".mark", svg);
    svg.setAttribute("role", "group");
    all(".mark, .part", svg).forEach(part => {
      const title = one("title", part);
      if (!title) return;
      part.dataset.tip = title.textContent;
      title.remove();
      part.addEventListener("pointerenter", () => show(part));
      part.addEventListener("pointerleave", hide);
    });
    marks.forEach((mark, number) => {
      mark.setAttribute("role", "img");
      mark.setAttribute("aria-label", mark.dataset.tip);
      mark.tabIndex = number ? -1 : 0;
      const drill = drills.get(mark.dataset.line);
      const open = () => { if (drill) { location.hash = drill.id; reveal(drill); } };
      if (drill) mark.classList.add("opens");
      mark.addEventListener("click", event => {
        // There is no hovering with a finger: the first touch shows the text, the second opens.
        if (event.pointerType !== "touch" || touched === mark) return open();
        touched = mark;
        show(mark);
      });
      mark.addEventListener("focus", () => show(mark));
      mark.addEventListener("blur", hide);
      mark.addEventListener("keydown", event => {
        const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
        if (event.key === "Escape") hide();
        if (event.key === "Enter") open();
        if (!step) return;
        event.preventDefault();
        const next = marks[(number + step + marks.length) % marks.length];
        mark.tabIndex = -1;
        next.tabIndex = 0;
        next.focus();
      });
    });
  });

  // Where the reader is, in the contents.
  const links = new Map(all("nav.contents a").map(link => [link.hash.slice(1), link]));
  const seen = new Set();
  const watch = new IntersectionObserver(entries => {
    entries.forEach(entry => seen[entry.isIntersecting ? "add" : "delete"](entry.target.id));
    const current = [...links.keys()].find(id => seen.has(id));
    links.forEach((link, id) => { if (id === current) link.setAttribute("aria-current", "true"); else link.removeAttribute("aria-current"); });
  }, { rootMargin: "-10% 0px -60% 0px" });
  links.forEach((_, id) => { const part = document.getElementById(id); if (part) watch.observe(part); });
})();
