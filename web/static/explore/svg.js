// SVG: elements, and drawings as files.

const NAMESPACE = "http://www.w3.org/2000/svg";

/**
 * A new element of SVG. Colours come from style sheets, so that they follow the
 * page's scheme; attributes that are null are left out.
 * @param {string} tag
 * @param {Record<string, string | number | null>} [attributes]
 * @param {...(Node | string)} children
 * @returns {any}
 */
export function s(tag, attributes = {}, ...children) {
  const made = document.createElementNS(NAMESPACE, tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null) made.setAttribute(name, String(value));
  }
  made.append(...children);
  return made;
}

/** What a drawing takes from style sheets. */
const STYLED = [
  "fill", "fill-opacity", "stroke", "stroke-width", "stroke-opacity", "stroke-dasharray", "opacity",
  "font-family", "font-size", "font-weight", "text-anchor", "dominant-baseline", "visibility",
];

/**
 * Drawings of the page under each other as the text of one SVG file, which needs
 * no style sheet. Each may have a title.
 * @param {[string, SVGSVGElement][]} drawings
 */
export function standalone(drawings) {
  const body = getComputedStyle(document.body);
  const paper = body.getPropertyValue("--paper").trim() || "#ffffff", ink = body.color, font = body.fontFamily;
  const file = s("svg"), margin = 12;
  let y = margin, wide = 0;
  for (const [title, drawing] of drawings) {
    const box = drawing.viewBox.baseVal, copy = resolved(drawing);
    if (title) {
      file.append(s("text", { x: margin, y: y + 14, fill: ink, "font-family": font, "font-size": 14, "font-weight": 600 }, title));
      y += 26;
    }
    for (const [name, value] of Object.entries({ x: margin, y, width: box.width, height: box.height })) copy.setAttribute(name, value);
    file.append(copy);
    y += box.height + 2 * margin;
    wide = Math.max(wide, box.width, title ? title.length * 8 : 0);
  }
  const width = Math.ceil(wide + 2 * margin), height = Math.ceil(y - margin);
  for (const [name, value] of Object.entries({ width, height, viewBox: `0 0 ${width} ${height}` })) file.setAttribute(name, value);
  file.prepend(s("rect", { width, height, fill: paper }));
  return `<?xml version="1.0" encoding="UTF-8"?>\n${new XMLSerializer().serializeToString(file)}\n`;
}

/** A copy with the colours and fonts that the page gives it. */
function resolved(drawing) {
  const copy = drawing.cloneNode(true);
  const from = [drawing, ...drawing.querySelectorAll("*")], to = [copy, ...copy.querySelectorAll("*")];
  from.forEach((element, i) => {
    const style = getComputedStyle(element);
    for (const name of STYLED) to[i].setAttribute(name, style.getPropertyValue(name));
    for (const name of ["class", "tabindex", "role", "id"]) to[i].removeAttribute(name);
  });
  return copy;
}
