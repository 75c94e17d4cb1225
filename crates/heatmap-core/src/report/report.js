"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const scheme = matchMedia("screen and (prefers-color-scheme: dark)");

  // An element with a class and text. Text only: nothing here ever reads HTML.
  const make = (tag, className, text) => {
    const element = document.createElement(tag);
    if (className) element.className = className;
    if (text !== undefined) element.textContent = text;
    return element;
  };
  const count = (n) => n.toLocaleString("en", { maximumFractionDigits: n < 10 ? 2 : 0 });
  const counted = (n, what) => `${count(n)} ${what}${n === 1 ? "" : "s"}`;
  const signed = (v) => {
    if (v === 0) return "0";
    const size = Math.abs(v);
    const text = size >= 100 ? count(size) : size < 0.0001 ? size.toExponential(1) : size.toPrecision(2);
    return (v > 0 ? "+" : "\u2212") + text.replace("-", "\u2212");
  };

  // Maps: one byte per bin, row by row; a zero is followed by the number of zeros. See packed.rs.
  const unpack = (map) => {
    const bytes = atob(map.data);
    const values = new Float64Array(map.rows * map.columns);
    let bin = 0;
    for (let at = 0; at < bytes.length; at += 1) {
      const byte = bytes.charCodeAt(at);
      if (byte === 0) {
        at += 1;
        bin += bytes.charCodeAt(at);
        continue;
      }
      const part = byte > 127 ? (byte - 256) / 127 : byte / 127;
      values[bin] = { exact: byte, root: map.scale * (byte / 255) ** 2, signed: map.scale * part * Math.abs(part) }[map.kind];
      bin += 1;
    }
    return { ...map, values };
  };

  // Oklch to sRGB (B. Ottosson, A perceptual color space for image processing, 2020); hue in degrees.
  const rgb = (lightness, chroma, hue) => {
    const a = chroma * Math.cos((hue * Math.PI) / 180);
    const b = chroma * Math.sin((hue * Math.PI) / 180);
    const l = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3;
    const m = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3;
    const s = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3;
    return [
      4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
      -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
      -0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s,
    ].map((v) => {
      const linear = Math.min(Math.max(v, 0), 1);
      return Math.round(255 * (linear <= 0.0031308 ? 12.92 * linear : 1.055 * linear ** (1 / 2.4) - 0.055));
    });
  };
  // Lightness is linear in t, so equal steps look equal; away from the page's own lightness in both schemes.
  const clickColor = (t, dark) =>
    dark ? rgb(0.36 + 0.58 * t, 0.07 + 0.08 * t, 225 - 115 * t) : rgb(0.9 - 0.62 * t, 0.09 + 0.05 * Math.sin(Math.PI * t), 150 + 105 * t);
  const driverColor = (t, dark) => {
    const size = Math.abs(t);
    const hue = t > 0 ? 48 : 252;
    return dark ? rgb(0.34 + 0.44 * size, 0.05 + 0.11 * size, hue) : rgb(0.9 - 0.34 * size, 0.04 + 0.14 * size, hue);
  };
  const grey = (t, dark) => (dark ? rgb(0.28 + 0.1 * t, 0.005, 250) : rgb(0.9 - 0.08 * t, 0.005, 250));
  const root = (value, scale) => Math.sign(value) * Math.sqrt(Math.abs(value) / scale);

  // Colours of one bin, or nothing for an empty one.
  const ofClicks = (map) => (bin, dark) => map.values[bin] > 0 && clickColor(root(map.values[bin], map.scale), dark);
  const ofDrivers = (drivers, clicks) => (bin, dark) =>
    drivers.values[bin] !== 0
      ? driverColor(root(drivers.values[bin], drivers.scale), dark)
      : clicks.values[bin] > 0 && grey(root(clicks.values[bin], clicks.scale), dark);

  // Every picture on the page, so that all can be painted again when the scheme changes.
  const painters = new Map();
  const paint = (canvas, color, dark) => {
    const context = canvas.getContext("2d");
    const image = context.createImageData(canvas.width, canvas.height);
    for (let bin = 0; bin < canvas.width * canvas.height; bin += 1) {
      const found = color(bin, dark);
      if (found) image.data.set([...found, 255], 4 * bin);
    }
    context.putImageData(image, 0, 0);
  };
  const paintAll = (dark) => painters.forEach((color, canvas) => paint(canvas, color, dark));
  const picture = (canvas, color) => {
    painters.set(canvas, color);
    paint(canvas, color, scheme.matches);
  };
  scheme.addEventListener("change", () => paintAll(scheme.matches));
  addEventListener("beforeprint", () => paintAll(false));
  addEventListener("afterprint", () => paintAll(scheme.matches));

  // A figure with its canvas; `spoken` says in words what it shows.
  const figure = (map, color, spoken, captions) => {
    const box = make("figure");
    const frame = make("div", "frame");
    frame.style.setProperty("--columns", map.columns);
    frame.style.setProperty("--rows", map.rows);
    const canvas = make("canvas");
    canvas.width = map.columns;
    canvas.height = map.rows;
    canvas.dataset.varied = map.varied;
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", spoken);
    picture(canvas, color);
    frame.append(canvas);
    box.append(frame);
    if (captions) {
      const caption = make("figcaption");
      caption.append(...captions);
      box.append(caption);
    }
    return { box, frame, canvas, map };
  };
  const most = (map) => `at most ${count(map.scale)} in a bin`;

  // Pictures of one banner in `place`, and a line below them for the bin under the pointer.
  const showBanner = (place, index) => {
    const banner = data.banners[index];
    const clicks = unpack(banner.clicks);
    const drivers = unpack(banner.drivers);
    const sides = [make("span", "for", signed(banner.broken)), " too many, ", make("span", "against", signed(banner.good)), " missing"];
    const figures = [
      figure(clicks, ofClicks(clicks), "Clicks on the banner", [make("b", "", "Clicks"), most(clicks)]),
      figure(drivers, ofDrivers(drivers, clicks), `Clicks more or fewer than expected: ${signed(banner.broken)} too many, ${signed(banner.good)} missing`, [
        make("b", "", "Against the layout"),
        ...sides,
      ]),
    ];
    let anchor = null;
    if (banner.anchor !== null) {
      const of = data.anchors[banner.anchor];
      anchor = unpack(of.map);
      figures.push(figure(anchor, ofClicks(anchor), "Clicks of the anchor", [make("b", "", "Anchor"), counted(of.banners, "banner")]));
    }
    place.replaceChildren(...figures.map((f) => f.box));
    if (anchor === null) {
      const none = make("figure");
      const frame = make("div", "frame missing", "no anchor for this grid");
      frame.style.setProperty("--columns", clicks.columns);
      frame.style.setProperty("--rows", clicks.rows);
      none.append(frame);
      place.append(none);
    }
    const same = anchor !== null && anchor.rows === clicks.rows && anchor.columns === clicks.columns;
    explore(place, figures.filter((f) => f.map !== anchor || same), "", (bin) => {
      const reference = same ? `, anchor ${count(anchor.values[bin])}` : "";
      return `${counted(clicks.values[bin], "click")}, ${signed(drivers.values[bin])} against what is expected${reference}`;
    });
  };
  const showAnchor = (place, index) => {
    const map = unpack(data.anchors[index].map);
    const shown = figure(map, ofClicks(map), "Clicks of the anchor or group");
    place.replaceChildren(shown.box);
    explore(place, [shown], most(map), (bin) => counted(map.values[bin], "click"));
  };

  // Pointer and arrow keys: marks one bin in all `figures` and says its place and value.
  const explore = (place, figures, idle, say) => {
    if (place.nextElementSibling?.className === "readout") place.nextElementSibling.remove();
    const line = make("p", "readout", idle);
    place.after(line);
    const marks = figures.map(({ frame }) => {
      const mark = make("div", "mark");
      mark.hidden = true;
      frame.append(mark);
      return mark;
    });
    const { rows, columns, bin: size } = figures[0].map;
    let at = null;
    const leave = () => {
      at = null;
      line.textContent = idle;
      for (const mark of marks) mark.hidden = true;
    };
    const go = (row, column) => {
      at = [Math.min(Math.max(row, 0), rows - 1), Math.min(Math.max(column, 0), columns - 1)];
      for (const mark of marks) {
        mark.hidden = false;
        mark.style.left = `${(100 * at[1]) / columns}%`;
        mark.style.top = `${(100 * at[0]) / rows}%`;
        mark.style.width = `${100 / columns}%`;
        mark.style.height = `${100 / rows}%`;
      }
      const edges = (n) => `${+(n * size).toFixed(2)}\u2013${+((n + 1) * size).toFixed(2)}`;
      line.textContent = `x ${edges(at[1])}, y ${edges(at[0])} px: ${say(at[0] * columns + at[1])}`;
    };
    for (const { canvas } of figures) {
      const point = (event) => {
        const box = canvas.getBoundingClientRect();
        go(Math.floor(((event.clientY - box.top) / box.height) * rows), Math.floor(((event.clientX - box.left) / box.width) * columns));
      };
      canvas.addEventListener("pointermove", point);
      canvas.addEventListener("pointerdown", point);
      canvas.addEventListener("pointerleave", (event) => event.pointerType === "mouse" && leave());
    }
    // One stop for the tabulator in each group, at the picture that explains.
    const canvas = figures[Math.min(1, figures.length - 1)].canvas;
    canvas.tabIndex = 0;
    canvas.addEventListener("keydown", (event) => {
      const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
      if (!step) return;
      event.preventDefault();
      line.setAttribute("aria-live", "polite");
      const [row, column] = at ?? [Math.floor(rows / 2) - step[0], Math.floor(columns / 2) - step[1]];
      go(row + step[0], column + step[1]);
    });
    canvas.addEventListener("blur", leave);
  };

  // The dialog with large pictures.
  const dialog = document.getElementById("enlarged");
  const enlarge = (index, source) => {
    const name = source.querySelector(".name bdi");
    document.getElementById("enlarged-name").replaceChildren(name.cloneNode(true));
    dialog.querySelector(".meta").textContent = source.dataset.meta ?? source.querySelector(".meta").textContent;
    dialog.querySelector(".reason").textContent = source.querySelector(".reason").textContent;
    const place = dialog.querySelector(".pictures");
    for (const canvas of place.querySelectorAll("canvas")) painters.delete(canvas);
    showBanner(place, index);
    dialog.showModal();
    dialog.scrollTop = 0;
  };
  document.getElementById("close").addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());

  // Cards.
  const cards = [...document.querySelectorAll(".card")];
  for (const card of cards) {
    const place = card.querySelector(".pictures");
    if (!place) continue;
    const button = make("button", "quiet", "Enlarge");
    button.type = "button";
    button.addEventListener("click", () => enlarge(card.dataset.banner, card));
    card.querySelector(".foot").append(button);
    showBanner(place, card.dataset.banner);
  }
  for (const anchor of document.querySelectorAll(".anchor")) showAnchor(anchor.querySelector(".pictures"), anchor.dataset.anchor);
  // Beyond the first ones cards are folded away, unless a filter shows few of them.
  const first = 12;
  let folded = () => {};
  if (cards.length > first + 2) {
    const grid = cards[0].parentElement;
    for (const card of cards.slice(first)) card.classList.add("later");
    const button = make("button", "quiet show-all", `Show the other ${cards.length - first}`);
    button.type = "button";
    let wanted = true;
    folded = (on) => {
      grid.classList.toggle("folded", on && wanted);
      button.hidden = !(on && wanted);
    };
    button.addEventListener("click", () => {
      wanted = false;
      folded(false);
      const next = cards[first].querySelector("button, summary");
      if (next) next.focus({ preventScroll: true });
    });
    grid.after(button);
    folded(true);
  }
  const legend = document.querySelector(".legend");
  if (cards.some((card) => card.querySelector(".pictures"))) {
    for (const canvas of legend.querySelectorAll("canvas")) {
      const part = (bin) => (bin + 0.5) / canvas.width;
      const clicks = canvas.dataset.legend === "clicks";
      picture(canvas, (bin, dark) => (clicks ? clickColor(part(bin), dark) : driverColor(2 * part(bin) - 1, dark)));
    }
    legend.hidden = false;
  }

  // The ranking: sorting, filtering, pictures of any row.
  const table = document.getElementById("ranking");
  if (!table) return;
  const body = table.tBodies[0];
  const rows = [...body.rows];
  const collator = new Intl.Collator("en", { numeric: true });
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    const button = make("button", "sort", head.textContent);
    button.type = "button";
    head.replaceChildren(button);
    const numeric = head.dataset.key !== "text";
    // The rank begins with the most broken, other numbers with the largest, texts with A.
    const begin = head.dataset.key === "number" ? "descending" : "ascending";
    const value = (row) => {
      const cell = row.cells[column];
      if (!numeric) return cell.textContent;
      return cell.dataset.v === undefined ? null : Number(cell.dataset.v);
    };
    button.addEventListener("click", () => {
      const was = head.getAttribute("aria-sort");
      const order = was === null ? begin : was === "ascending" ? "descending" : "ascending";
      for (const other of heads) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", order);
      const sign = order === "ascending" ? 1 : -1;
      const keyed = rows.map((row) => [value(row), row]);
      keyed.sort(([a], [b]) => {
        if (a === null || b === null) return (a === null) - (b === null);
        return sign * (numeric ? a - b : collator.compare(a, b));
      });
      body.append(...keyed.map(([, row]) => row));
    });
  });
  heads[0].setAttribute("aria-sort", "ascending");

  const search = document.getElementById("filter");
  const only = document.getElementById("only-flagged");
  const shown = document.getElementById("shown");
  const names = rows.map((row) => {
    const whole = [...row.querySelectorAll("bdi")].map((bdi) => bdi.title || bdi.textContent);
    return [...whole, row.querySelector(".reason").textContent].join("\n").toLowerCase();
  });
  const begin = "#filter=";
  const filter = () => {
    const wanted = search.value.trim().toLowerCase();
    const left = new Set();
    rows.forEach((row, at) => {
      row.hidden = (only.checked && !row.classList.contains("flagged")) || !names[at].includes(wanted);
      if (!row.hidden) left.add(row.dataset.banner);
    });
    shown.textContent = left.size === rows.length ? counted(left.size, "banner") : `${count(left.size)} of ${counted(rows.length, "banner")}`;
    for (const card of cards) card.hidden = wanted !== "" && !left.has(card.dataset.banner);
    folded(wanted === "");
  };
  // The filter is in the address, so that a link shows what its sender saw.
  const remember = () => {
    const text = search.value.trim();
    const address = text === "" && !only.checked ? location.pathname : `${begin}${encodeURIComponent(text)}${only.checked ? "&flagged" : ""}`;
    history.replaceState(null, "", address);
  };
  const recall = () => {
    if (!location.hash.startsWith(begin)) return;
    const [text, flagged] = location.hash.slice(begin.length).split("&");
    try {
      search.value = decodeURIComponent(text);
    } catch {
      return;
    }
    only.checked = flagged === "flagged";
  };
  addEventListener("hashchange", () => {
    recall();
    filter();
  });
  for (const [field, event] of [[search, "input"], [only, "change"]]) {
    field.addEventListener(event, () => {
      filter();
      remember();
    });
  }
  // A browser may fill the fields again after a reload.
  addEventListener("pageshow", filter);
  recall();
  filter();
  document.querySelector(".controls").hidden = false;

  // The parts of the score are many columns, which few people need.
  if (heads.some((head) => head.classList.contains("part"))) {
    const parts = document.getElementById("show-parts");
    const show = (on) => {
      table.classList.toggle("folded", !on);
      parts.setAttribute("aria-pressed", on);
      parts.textContent = on ? "Hide the parts of the score" : "Show the parts of the score";
    };
    parts.addEventListener("click", () => show(table.classList.contains("folded")));
    parts.hidden = false;
    show(false);
  }

  // The rows that are shown as a file for a spreadsheet, in which no name is a formula.
  const cell = (text) => {
    const safe = /^[=+@\t\r-]/.test(text) && Number.isNaN(Number(text)) ? `'${text}` : text;
    return /[",\n\r]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
  };
  const value = (td) => {
    const name = td.querySelector("bdi");
    if (name) return name.title || name.textContent;
    if (td.classList.contains("none")) return "";
    return td.dataset.v !== undefined && td.classList.contains("n") ? String(Number(td.dataset.v)) : td.textContent.trim();
  };
  document.getElementById("download").addEventListener("click", () => {
    const lines = [heads.map((head) => head.textContent), ...[...body.rows].filter((row) => !row.hidden).map((row) => [...row.cells].map(value))];
    const text = lines.map((line) => line.map(cell).join(",")).join("\n");
    const link = make("a");
    link.href = URL.createObjectURL(new Blob([`\ufeff${text}\n`], { type: "text/csv" }));
    link.download = "banners.csv";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  });

  for (const row of rows) {
    if (!(row.dataset.banner in data.banners)) continue;
    const name = row.querySelector(".name bdi");
    const button = make("button", "look");
    button.type = "button";
    name.replaceWith(button);
    button.append(name);
    button.addEventListener("click", () => enlarge(row.dataset.banner, row));
  }
})();
