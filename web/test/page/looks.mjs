// What is wrong with how a page looks, as far as it can be computed: for tests
// and for screenshots.

/** Runs in the page. @returns {string[]} what is wrong, in words */
function complaints({ target }) {
  const found = [];
  const name = (e) => `${e.tagName.toLowerCase()}${e.id ? `#${e.id}` : ""}${e.classList.length > 0 ? `.${[...e.classList].join(".")}` : ""} "${e.textContent.trim().slice(0, 30)}"`;
  const shown = (e) => e.checkVisibility({ opacityProperty: true, visibilityProperty: true }) && !e.closest(".off-screen, .skip");
  const parse = (colour) => {
    const [r, g, b, a = 1] = colour.match(/[\d.]+/g).map(Number);
    return { r, g, b, a };
  };
  const over = (top, under) => ({ r: top.r * top.a + under.r * (1 - top.a), g: top.g * top.a + under.g * (1 - top.a), b: top.b * top.a + under.b * (1 - top.a), a: 1 });
  const light = ({ r, g, b }) => [r, g, b].map((v) => (v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4)).reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const contrast = (a, b) => (Math.max(light(a), light(b)) + 0.05) / (Math.min(light(a), light(b)) + 0.05);
  const behind = (e) => {
    const layers = [];
    for (let at = e; at; at = at.parentElement) layers.push(parse(getComputedStyle(at).backgroundColor));
    return layers.reverse().reduce((under, top) => over(top, under), { r: 255, g: 255, b: 255, a: 1 });
  };

  // What lies behind an open dialog is out of reach.
  const within = document.querySelector("dialog[open]") ?? document.body;

  const { scrollWidth, clientWidth } = document.documentElement;
  if (within.scrollWidth > within.clientWidth) found.push(`the dialog is ${within.scrollWidth} pixels wide, its room ${within.clientWidth}`);
  if (scrollWidth > clientWidth) found.push(`the page is ${scrollWidth} pixels wide, the screen ${clientWidth}`);

  const walk = document.createTreeWalker(within, NodeFilter.SHOW_TEXT);
  const seen = new Set();
  for (let node = walk.nextNode(); node; node = walk.nextNode()) {
    const e = node.parentElement;
    if (node.data.trim() === "" || seen.has(e) || !shown(e) || e.closest("button:disabled, option")) continue;
    seen.add(e);
    const style = getComputedStyle(e);
    let opacity = 1;
    for (let at = e; at; at = at.parentElement) opacity *= Number(getComputedStyle(at).opacity);
    const under = behind(e), colour = parse(style.color);
    const ratio = contrast(over({ ...colour, a: colour.a * opacity }, under), under);
    if (ratio < 4.5 && !e.closest(":has(> input:disabled)")) found.push(`contrast of ${ratio.toFixed(1)}: ${name(e)}`);
    if (parseFloat(style.fontSize) < 12) found.push(`type of ${style.fontSize}: ${name(e)}`);
  }

  for (const block of [...document.querySelectorAll(".block")].slice(0, 1).filter(shown)) {
    const under = behind(block), colour = getComputedStyle(block).color;
    for (const highlight of CSS.highlights.keys()) {
      const style = getComputedStyle(block, `::highlight(${highlight})`);
      const ratio = contrast(parse(style.color || colour), over(parse(style.backgroundColor), under));
      if (ratio < 4.5) found.push(`contrast of ${ratio.toFixed(1)}: text that is marked as ${highlight}`);
    }
  }

  const boxes = [...within.querySelectorAll("button, select, summary, textarea, input:not([type=file])")].filter(shown).map((e) => ({ e, box: e.getBoundingClientRect() }));
  for (const { e, box } of boxes) {
    if (box.height < target || box.width < target) found.push(`${Math.round(box.width)} by ${Math.round(box.height)} pixels, expected ${target}: ${name(e)}`);
    if (e.tagName === "BUTTON" && (e.scrollWidth > e.clientWidth + 1 || e.scrollHeight > e.clientHeight + 1)) found.push(`cut off: ${name(e)}`);
  }
  for (const [i, a] of boxes.entries()) {
    for (const b of boxes.slice(i + 1)) {
      if (a.e.contains(b.e) || b.e.contains(a.e)) continue;
      const wide = Math.min(a.box.right, b.box.right) - Math.max(a.box.left, b.box.left), high = Math.min(a.box.bottom, b.box.bottom) - Math.max(a.box.top, b.box.top);
      if (wide > 1 && high > 1 && !a.e.closest(".scroll") && !b.e.closest(".scroll")) found.push(`${name(a.e)} lies over ${name(b.e)}`);
    }
  }
  return found;
}

/**
 * @param {import("playwright-core").Page} page
 * @returns {Promise<string[]>} contrasts below 4.5, small type, targets too
 * small to touch or click, what sticks out, is cut off or overlaps
 */
export async function looks(page) {
  return page.evaluate(complaints, { target: page.viewportSize().width < 900 ? 40 : 24 });
}

/** Waits until what is marked as an answer's source is in sight, all of it. */
export async function sourceInSight(page, options) {
  await page.waitForFunction(() => {
    const [found] = CSS.highlights.get("source");
    if (!found) return false;
    const range = document.createRange();
    range.setStart(found.startContainer, found.startOffset);
    range.setEnd(found.endContainer, found.endOffset);
    const place = range.getBoundingClientRect(), view = document.querySelector("#document").getBoundingClientRect();
    return place.height > 0 && place.top >= view.top && place.bottom <= view.bottom;
  }, null, options);
}
