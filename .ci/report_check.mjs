// Opens a report.html in headless Chromium and fails on anything that a careful reader would complain about.
//
//   node .ci/report_check.mjs REPORT.html [--screenshots DIR]
//
// Checked at 1280 and 400 px, light and dark: nothing on the console, no request but the file itself, no sideways scrolling of the
// page, no text below 11 px, no text below a contrast of 4.5, no picture of one colour where the data vary. Then what the page does:
// sorting, filtering (cards and address, too), downloading, the value under the pointer (against a reading of the data of our own), the dialog, focus, paper, no script.
// Needs node 18 or later and Chromium (CHROMIUM, default /usr/bin/chromium); no package. It speaks the DevTools protocol through a pipe.
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

const [file, ...options] = process.argv.slice(2);
if (!file || (options.length && (options[0] !== "--screenshots" || options.length !== 2))) {
  console.error("usage: node .ci/report_check.mjs REPORT.html [--screenshots DIR]");
  process.exit(2);
}
const screenshots = options[1];
const url = pathToFileURL(resolve(file)).href;
statSync(file);

const began = Date.now();
const profile = mkdtempSync(join(tmpdir(), "report-check-"));
const browser = spawn(
  process.env.CHROMIUM ?? "/usr/bin/chromium",
  [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--hide-scrollbars", "--remote-debugging-pipe", `--user-data-dir=${profile}`, "about:blank",
  ],
  { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"] },
);
// The browser ends by itself, so that its helpers write nothing more into the profile; it is killed if it does not.
let ending = false;
const done = (code) => {
  if (ending) return;
  ending = true;
  const late = setTimeout(() => browser.kill("SIGKILL"), 5_000);
  const end = () => {
    clearTimeout(late);
    rmSync(profile, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
    process.exit(code);
  };
  if (browser.exitCode !== null || browser.signalCode !== null) return end();
  browser.once("exit", end);
  session = undefined;
  send("Browser.close").catch(() => {});
};
const problems = [];
const failWith = (error) => {
  for (const problem of problems) console.error(problem);
  console.error(`report check: ${error.stack ?? error}`);
  done(1);
};
browser.on("error", (error) => {
  console.error(`report check: no browser: ${error.message}`);
  rmSync(profile, { recursive: true, force: true });
  process.exit(1);
});
browser.on("exit", () => ending || failWith(new Error("the browser ended early")));
const watchdog = setTimeout(() => failWith(new Error("no end after 300 s")), 300_000);

// The protocol: JSON messages that end with a zero byte.
let session;
let id = 0;
let pending = Buffer.alloc(0);
const waiting = new Map();
const listeners = [];
browser.stdio[4].on("data", (chunk) => {
  pending = Buffer.concat([pending, chunk]);
  for (let end = pending.indexOf(0); end >= 0; end = pending.indexOf(0)) {
    const message = JSON.parse(pending.subarray(0, end).toString("utf8"));
    pending = pending.subarray(end + 1);
    if (message.id === undefined) {
      for (const listener of listeners) listener(message);
      continue;
    }
    const { method, resolve, reject } = waiting.get(message.id);
    waiting.delete(message.id);
    if (message.error) reject(new Error(`${method}: ${message.error.message}`));
    else resolve(message.result);
  }
});
const send = (method, params = {}) =>
  new Promise((resolve, reject) => {
    id += 1;
    waiting.set(id, { method, resolve, reject });
    browser.stdio[3].write(`${JSON.stringify({ id, method, params, sessionId: session })}\0`);
  });
const event = (method) =>
  new Promise((resolve) => {
    const listener = (message) => {
      if (message.method !== method) return;
      listeners.splice(listeners.indexOf(listener), 1);
      resolve(message.params);
    };
    listeners.push(listener);
  });
// Runs a function in the page, with arguments that JSON can carry.
const inPage = async (run, ...args) => {
  const expression = `(${run})(...${JSON.stringify(args)})`;
  const { result, exceptionDetails } = await send("Runtime.evaluate", { expression, awaitPromise: true, returnByValue: true });
  if (exceptionDetails) throw new Error(`in the page: ${exceptionDetails.exception?.description ?? exceptionDetails.text}`);
  return result.value;
};

let where = "";
const complain = (what) => problems.push(`${where}: ${what}`);
const expect = (holds, what) => holds || complain(what);

listeners.push(({ method, params }) => {
  if (method === "Runtime.exceptionThrown") complain(`exception: ${params.exceptionDetails.exception?.description ?? params.exceptionDetails.text}`);
  if (method === "Runtime.consoleAPICalled") complain(`console.${params.type}: ${params.args.map((a) => a.value ?? a.description).join(" ")}`);
  if (method === "Log.entryAdded" && params.entry.level !== "verbose") complain(`${params.entry.level}: ${params.entry.text}`);
  if (method === "Audits.issueAdded") complain(`issue: ${params.issue.code} ${JSON.stringify(params.issue.details)}`);
  if (method === "Network.requestWillBeSent" && params.request.url !== url && !params.request.url.startsWith("data:image/png;")) {
    complain(`request: ${params.request.url.slice(0, 200)}`);
  }
  if (method === "Page.javascriptDialogOpening") {
    complain(`dialog: ${params.message}`);
    send("Page.handleJavaScriptDialog", { accept: true });
  }
});

// What anyone can see: sizes, contrast, width, pictures.
const audit = () => {
  const found = [];
  const page = document.documentElement;
  if (page.scrollWidth > page.clientWidth) {
    const wide = [...document.body.querySelectorAll("*")].find((e) => {
      const boxed = e.closest(".scroll");
      return e.getBoundingClientRect().right > page.clientWidth + 1 && (!boxed || boxed === e);
    });
    found.push(`the page is ${page.scrollWidth} px wide: ${wide?.tagName} ${wide?.className}`);
  }
  const channels = (color) => {
    const context = (channels.context ??= new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true }));
    context.clearRect(0, 0, 1, 1);
    context.fillStyle = color;
    context.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = context.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const over = (top, below) => [0, 1, 2].map((i) => top[i] * top[3] + below[i] * (1 - top[3])).concat(1);
  const backgrounds = new Map();
  const background = (element) => {
    if (!element) return matchMedia("(prefers-color-scheme: dark)").matches ? [18, 18, 18, 1] : [255, 255, 255, 1];
    if (!backgrounds.has(element)) {
      const own = getComputedStyle(element).backgroundColor;
      const below = background(element.parentElement);
      backgrounds.set(element, own === "rgba(0, 0, 0, 0)" ? below : over(channels(own), below));
    }
    return backgrounds.get(element);
  };
  const luminance = (color) => {
    const [r, g, b] = color.map((v) => (v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const seen = new Map();
  let least = Infinity;
  const judge = (element, style, color, text) => {
    const behind = background(element);
    const key = `${color} ${style.fontSize} ${style.opacity} ${behind}`;
    if (seen.has(key)) return;
    seen.set(key, true);
    const ink = over(channels(color), behind);
    const [a, b] = [luminance(ink), luminance(behind)].sort((x, y) => y - x);
    const contrast = (a + 0.05) / (b + 0.05);
    least = Math.min(least, contrast);
    const what = `"${text.trim().slice(0, 40)}" in ${element.tagName}.${element.getAttribute("class") ?? ""}`;
    if (contrast < 4.5) found.push(`contrast ${contrast.toFixed(2)} of ${what}`);
    if (parseFloat(style.fontSize) < 11) found.push(`${style.fontSize} text: ${what}`);
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  let texts = 0;
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement;
    if (!node.data.trim() || ["SCRIPT", "STYLE", "NOSCRIPT", "title"].includes(element.tagName)) continue;
    if (!element.checkVisibility({ visibilityProperty: true, opacityProperty: true })) continue;
    texts += 1;
    const style = getComputedStyle(element);
    judge(element, style, element.ownerSVGElement ? style.fill : style.color, node.data);
  }
  for (const input of document.querySelectorAll("input[placeholder]")) {
    const style = getComputedStyle(input, "::placeholder");
    if (input.checkVisibility()) judge(input, style, style.color, input.placeholder);
  }
  if (texts < 10) found.push(`only ${texts} pieces of text can be seen`);
  const canvases = [...document.querySelectorAll(".frame canvas")];
  for (const canvas of canvases) {
    const pixels = new Uint32Array(canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data.buffer);
    const alike = pixels.every((pixel) => pixel === pixels[0]);
    const owner = canvas.closest("[data-banner], [data-anchor]");
    if (alike && canvas.dataset.varied === "true") found.push(`a picture of one colour: ${canvas.ariaLabel}, ${JSON.stringify(owner?.dataset)}`);
  }
  const ids = [...document.querySelectorAll("[id]")].map((e) => e.id);
  const twice = ids.filter((name, at) => ids.indexOf(name) !== at);
  if (twice.length) found.push(`ids that stand twice: ${twice}`);
  for (const button of document.querySelectorAll("button")) if (!button.textContent.trim()) found.push("a button without a name");
  for (const link of document.querySelectorAll("a")) if (!document.querySelector(link.getAttribute("href"))) found.push(`a dead link: ${link.href}`);
  return { found, least, texts, canvases: canvases.length };
};

// Sorting: every heading, both ways, against the numbers in the cells.
const sorting = () => {
  const found = [];
  const table = document.getElementById("ranking");
  if (!table) return ["no ranking"];
  const before = [...table.tBodies[0].rows];
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    const button = head.querySelector("button");
    if (!button) return found.push(`no button in ${head.textContent}`);
    const orders = [0, 1].map(() => {
      button.click();
      const order = head.getAttribute("aria-sort");
      const cells = [...table.tBodies[0].rows].map((row) => row.cells[column]);
      if (head.dataset.key !== "text") {
        const numbers = cells.filter((cell) => cell.dataset.v !== undefined).map((cell) => Number(cell.dataset.v));
        const sign = order === "ascending" ? 1 : -1;
        if (numbers.some((n, at) => at > 0 && sign * (n - numbers[at - 1]) < 0)) found.push(`${head.textContent} is not ${order}`);
        const missing = cells.findIndex((cell) => cell.dataset.v === undefined);
        if (missing >= 0 && missing < numbers.length) found.push(`${head.textContent}: what is missing is not last`);
      }
      return { order, cells: cells.map((cell) => cell.textContent) };
    });
    const marked = heads.filter((other) => other.hasAttribute("aria-sort"));
    if (marked.length !== 1 || marked[0] !== head) found.push(`aria-sort stands at ${marked.map((other) => other.textContent)}`);
    if (orders[0].order === orders[1].order) found.push(`${head.textContent}: aria-sort does not change`);
    const values = new Set(orders[0].cells);
    if (values.size > 1 && orders[0].cells.join("\n") === orders[1].cells.join("\n")) found.push(`${head.textContent}: the order does not change`);
  });
  const rank = heads[0].querySelector("button");
  rank?.click();
  const after = [...table.tBodies[0].rows];
  if (after.length !== before.length || after.some((row, at) => row !== before[at])) found.push("sorting by rank does not bring back the first order");
  return found;
};

const filtering = () => {
  const found = [];
  const rows = [...document.querySelectorAll("#ranking tbody tr")];
  const left = () => rows.filter((row) => row.checkVisibility());
  const [search, only, shown] = ["filter", "only-flagged", "shown"].map((name) => document.getElementById(name));
  const type = (text) => {
    search.value = text;
    search.dispatchEvent(new Event("input"));
  };
  if (left().length !== rows.length) found.push("rows are hidden before anything is filtered");
  const bdi = rows[rows.length - 1].querySelector(".name bdi");
  type((bdi.title || bdi.textContent).toUpperCase());
  if (left().length < 1 || (left().length === rows.length && rows.length > 1)) found.push(`${left().length} rows have the last name`);
  if (!left().includes(rows[rows.length - 1])) found.push("the row that was looked for is hidden");
  type("nothing has this name");
  if (left().length !== 0 || !shown.textContent.startsWith("0 of ")) found.push(`"${shown.textContent}" where nothing is left`);
  type("");
  only.click();
  if (left().length !== rows.filter((row) => row.classList.contains("flagged")).length) found.push("flagged only shows others");
  only.click();
  if (left().length !== rows.length) found.push("rows stay hidden");
  // Cards, and the address.
  const cards = [...document.querySelectorAll(".card")];
  const name = cards.at(-1)?.querySelector(".name bdi");
  if (name) {
    type(name.title || name.textContent);
    const shown = cards.filter((card) => card.checkVisibility());
    if (!shown.includes(cards.at(-1))) found.push("the card that was looked for is hidden");
    const banners = new Set(left().map((row) => row.dataset.banner));
    if (shown.some((card) => !banners.has(card.dataset.banner))) found.push("cards are shown whose rows are hidden");
    if (!location.hash.startsWith("#filter=")) found.push(`the address does not have the filter: ${location.href}`);
  }
  type("");
  if (location.hash !== "") found.push(`the address keeps the filter: ${location.hash}`);
  return found;
};

// What is downloaded, read as a spreadsheet would: the rows that are shown, and no formula.
const downloading = async () => {
  const found = [];
  const make = URL.createObjectURL;
  let blob = null;
  URL.createObjectURL = (object) => make.call(URL, (blob = object));
  const click = HTMLAnchorElement.prototype.click;
  HTMLAnchorElement.prototype.click = () => {};
  document.getElementById("only-flagged").click();
  document.getElementById("download").click();
  const rows = [...document.querySelectorAll("#ranking tbody tr")].filter((row) => row.checkVisibility());
  document.getElementById("only-flagged").click();
  URL.createObjectURL = make;
  HTMLAnchorElement.prototype.click = click;
  const text = (await blob?.text()) ?? "";
  const lines = [];
  let line = [], cell = "", quoted = false;
  for (const c of text.replace(/^\ufeff/, "")) {
    if (c === '"') quoted = !quoted;
    else if (!quoted && (c === "," || c === "\n")) {
      line.push(cell);
      cell = "";
      if (c === "\n") lines.push(line.splice(0));
    } else cell += c;
  }
  const heads = [...document.querySelectorAll("#ranking thead th")].map((head) => head.textContent);
  if (lines.length !== rows.length + 1) found.push(`${lines.length} lines for ${rows.length} rows`);
  if (lines.some((cells) => cells.length !== heads.length)) found.push("lines of unequal length");
  if (lines[0]?.join() !== heads.join()) found.push(`the header is ${lines[0]}`);
  rows.forEach((row, at) => {
    if (lines[at + 1]?.[0] !== row.cells[0].textContent) found.push(`line ${at + 2} has rank ${lines[at + 1]?.[0]}`);
  });
  if (lines.flat().some((cell) => /^[=+@-]/.test(cell) && Number.isNaN(Number(cell)))) found.push("a cell is a formula");
  return found;
};

// On a telephone the rank, the name, the score and the reason of a row fit beside each other.
const narrow = () =>
  [...document.querySelectorAll("#ranking tbody tr")].slice(0, 20).flatMap((row) => {
    const box = row.closest(".scroll").getBoundingClientRect();
    const cells = [row.cells[0], row.querySelector(".name"), row.querySelector(".bar"), row.querySelector(".reason")];
    const outside = cells.filter((cell) => !cell.checkVisibility() || cell.getBoundingClientRect().right > box.right + 1);
    return outside.map((cell) => `${cell.className} of row ${row.rowIndex} is cut off`);
  });

// A bin of the first card, read from the data by other code than the page's: [name, row, column, clicks, size of a bin].
const brightest = (index) => {
  const map = JSON.parse(document.getElementById("data").textContent).banners[index].clicks;
  const bytes = Uint8Array.from(atob(map.data), (c) => c.charCodeAt(0));
  const bins = [];
  for (let at = 0; at < bytes.length; at += 1) {
    if (bytes[at] === 0) for (let n = bytes[++at]; n > 0; n -= 1) bins.push(0);
    else bins.push(bytes[at]);
  }
  const bin = bins.indexOf(Math.max(...bins));
  return { complete: bins.length === map.rows * map.columns, row: Math.floor(bin / map.columns), column: bin % map.columns, most: map.scale, size: map.bin, rows: map.rows, columns: map.columns };
};

// Without motion, so that nothing is still on its way when it is looked at.
const features = (scheme) => [{ name: "prefers-color-scheme", value: scheme }, { name: "prefers-reduced-motion", value: "reduce" }];
const open = async (width, scheme) => {
  await send("Emulation.setDeviceMetricsOverride", { width, height: 900, deviceScaleFactor: 1, mobile: false });
  await send("Emulation.setEmulatedMedia", { media: "", features: features(scheme) });
  const loaded = event("Page.loadEventFired");
  await send("Page.navigate", { url });
  await loaded;
};
const settle = () => inPage(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(() => resolve()))));
const shoot = async (name, beyond = true) => {
  if (!screenshots) return;
  mkdirSync(screenshots, { recursive: true });
  // Chromium draws at most 16,384 px in one picture.
  const { cssContentSize: size } = await send("Page.getLayoutMetrics");
  const clip = { x: 0, y: 0, width: size.width, height: Math.min(size.height, 16_000), scale: 1 };
  const { data } = await send("Page.captureScreenshot", beyond ? { captureBeyondViewport: true, clip } : {});
  writeFileSync(join(screenshots, `${name}.png`), Buffer.from(data, "base64"));
};
const press = async (key) => {
  await send("Input.dispatchKeyEvent", { type: "rawKeyDown", key, code: key, windowsVirtualKeyCode: { Tab: 9, Escape: 27, ArrowRight: 39 }[key] });
  await send("Input.dispatchKeyEvent", { type: "keyUp", key, code: key });
};

const looks = async () => {
  const summary = [];
  for (const width of [1280, 400]) {
    for (const scheme of ["light", "dark"]) {
      where = `${width} px, ${scheme}`;
      await open(width, scheme);
      // Everything that can be unfolded, too.
      await shoot(`${width}-${scheme}`);
      if (width === 400) (await inPage(narrow)).forEach(complain);
      await inPage(() => {
        document.querySelector(".show-all")?.click();
        document.querySelector("#show-parts:not([hidden])")?.click();
        for (const details of document.querySelectorAll("details")) details.open = true;
      });
      const { found, least, texts, canvases } = await inPage(audit);
      found.forEach(complain);
      summary.push(`${where}: ${texts} texts, contrast at least ${least.toFixed(1)}, ${canvases} pictures`);
    }
  }
  return summary;
};

const behaves = async () => {
  where = "sorting";
  await open(1280, "light");
  const banners = await inPage(() => document.querySelectorAll("#ranking tbody tr").length);
  if (banners > 0) {
    (await inPage(sorting)).forEach(complain);
    where = "filtering";
    (await inPage(filtering)).forEach(complain);
    where = "downloading";
    (await inPage(downloading)).forEach(complain);
    where = "an address with a filter";
    await send("Page.navigate", { url: `${url}#filter=nothing%20has%20this%20name` });
    await settle();
    const kept = await inPage(() => document.getElementById("filter").value);
    expect(kept === "nothing has this name", `the filter is "${kept}"`);
    await open(1280, "light");
  }

  where = "focus";
  await inPage(() => document.getElementById("filter").scrollIntoView());
  for (let n = 0; n < 4; n += 1) {
    await press("Tab");
    const outline = await inPage(() => [document.activeElement.tagName, getComputedStyle(document.activeElement).outlineStyle]);
    expect(outline[0] !== "BODY" && outline[1] !== "none", `no outline around ${outline[0]}`);
  }

  where = "pictures";
  const card = await inPage(() => document.querySelector(".card:has(canvas)")?.dataset.banner ?? null);
  if (card !== null) {
    const bin = await inPage(brightest, card);
    expect(bin.complete, "a map has not one value per bin");
    const box = await inPage((index) => {
      const canvas = document.querySelector(`.card[data-banner="${index}"] canvas`);
      canvas.scrollIntoView({ block: "center", behavior: "instant" });
      return canvas.getBoundingClientRect().toJSON();
    }, card);
    const x = box.x + ((bin.column + 0.5) / bin.columns) * box.width;
    const y = box.y + ((bin.row + 0.5) / bin.rows) * box.height;
    await send("Input.dispatchMouseEvent", { type: "mouseMoved", x, y });
    await settle();
    const said = await inPage((index) => document.querySelector(`.card[data-banner="${index}"] .readout`).textContent, card);
    const clicks = bin.most.toLocaleString("en", { maximumFractionDigits: bin.most < 10 ? 2 : 0 });
    const expected = `x ${bin.column * bin.size}–${(bin.column + 1) * bin.size}, y ${bin.row * bin.size}–${(bin.row + 1) * bin.size} px: ${clicks} click`;
    expect(said.startsWith(expected), `the pointer reads "${said}" where the data say "${expected}"`);
    await shoot("pointer", false);
    const keyed = await inPage((index) => {
      document.querySelector(`.card[data-banner="${index}"] canvas[tabindex]`).focus();
      return document.querySelector(`.card[data-banner="${index}"] .readout`).textContent;
    }, card);
    await press("ArrowRight");
    const moved = await inPage((index) => document.querySelector(`.card[data-banner="${index}"] .readout`).textContent, card);
    expect(moved !== keyed, "the arrow keys read no bin");
  }

  for (const [width, scheme] of [[1280, "dark"], [400, "light"]]) {
    where = `dialog at ${width} px`;
    await open(width, scheme);
    const opened = await inPage(() => {
      const button = document.querySelector("#ranking .look");
      button?.scrollIntoView({ block: "center", behavior: "instant" });
      button?.focus();
      button?.click();
      return Boolean(button);
    });
    if (!opened) continue;
    await settle();
    const { found } = await inPage(audit);
    found.forEach(complain);
    const state = await inPage(() => {
      const dialog = document.getElementById("enlarged");
      return { open: dialog.open, canvases: dialog.querySelectorAll("canvas").length, name: dialog.querySelector("h2").textContent, sideways: dialog.scrollWidth > dialog.clientWidth };
    });
    expect(state.open && state.canvases >= 2 && state.name, `not shown: ${JSON.stringify(state)}`);
    expect(!state.sideways, "it scrolls sideways");
    await shoot(`dialog-${width}`, false);
    await press("Escape");
    expect(!(await inPage(() => document.getElementById("enlarged").open)), "Escape does not close it");
    const back = await inPage(() => document.activeElement.className);
    expect(back === "look", `the focus goes to "${back}", not back to the button`);
  }

  where = "scheme that changes";
  const before = await inPage(() => document.querySelector(".frame canvas")?.toDataURL() ?? null);
  await send("Emulation.setEmulatedMedia", { media: "", features: features("dark") });
  await settle();
  const after = await inPage(() => document.querySelector(".frame canvas")?.toDataURL() ?? null);
  expect(before === null || before !== after, "the pictures keep their colours");

  where = "paper";
  // Thousands of rows take half a minute to print and look like the first hundred.
  if (banners <= 500) {
    const { data } = await send("Page.printToPDF", { printBackground: false });
    expect(Buffer.from(data, "base64").length > 5_000, "nothing is printed");
    if (screenshots) writeFileSync(join(screenshots, "paper.pdf"), Buffer.from(data, "base64"));
  }

  where = "without script";
  await send("Emulation.setScriptExecutionDisabled", { value: true });
  await open(1280, "light");
  const plain = await inPage(() => ({
    rows: [...document.querySelectorAll("#ranking tbody tr")].filter((row) => row.checkVisibility()).length,
    controls: [...document.querySelectorAll(".controls, button:not(#close)")].filter((e) => e.checkVisibility()).length,
    said: document.querySelector("noscript").textContent.includes("need JavaScript"),
  }));
  expect(plain.rows === banners, `${plain.rows} of ${banners} rows`);
  expect(plain.controls === 0, "controls that do nothing are shown");
  expect(plain.said, "nothing says why there are no pictures");
  await shoot("no-script");
  await send("Emulation.setScriptExecutionDisabled", { value: false });
  return banners;
};

try {
  const { targetInfos } = await send("Target.getTargets");
  const { targetId } = targetInfos.find((target) => target.type === "page");
  ({ sessionId: session } = await send("Target.attachToTarget", { targetId, flatten: true }));
  for (const domain of ["Page", "Runtime", "Network", "Log", "Audits"]) await send(`${domain}.enable`);
  const summary = await looks();
  const banners = await behaves();
  for (const line of summary) console.log(line);
  for (const problem of problems) console.error(problem);
  const seconds = ((Date.now() - began) / 1000).toFixed(1);
  console.log(`${file}: ${banners} rows, ${problems.length} problems, ${seconds} s`);
  clearTimeout(watchdog);
  done(problems.length ? 1 : 0);
} catch (error) {
  failWith(error);
}
