// What is drawn anew with every step, described as a whole. Of what stands there
// from the last description only the differences are touched, so that a step makes
// no elements, lays out the words that changed alone, and takes no one's focus.

/**
 * Describes an element. Attributes that are null are left out; those that begin
 * with -- are properties of its style, which the page's policy forbids as text.
 * Among the children an empty text keeps the place of one that may be there.
 * @param {string} tag
 * @param {Record<string, string | number | boolean | null>} [attributes]
 * @param {...(object | string)} children
 */
export const described = (tag, attributes = {}, ...children) => ({ tag, attributes, children });

const NONE = {};

function put(node, name, value) {
  if (name.startsWith("--")) node.style.setProperty(name, value ?? "");
  else if (value === null) node.removeAttribute(name);
  else node.setAttribute(name, value);
}

function dress(node, was, is) {
  for (const name in is) if (is[name] !== was[name]) put(node, name, is[name]);
  for (const name in was) if (!(name in is)) put(node, name, null);
}

function made(is, parent) {
  if (typeof is === "string") return document.createTextNode(is);
  const node = document.createElementNS(is.tag === "svg" ? "http://www.w3.org/2000/svg" : parent.namespaceURI, is.tag);
  dress(node, NONE, is.attributes);
  for (const child of is.children) node.append(made(child, node));
  return node;
}

function change(parent, before, after) {
  let node = parent.firstChild;
  for (let i = 0; i < after.length; i++) {
    const was = before[i], is = after[i], next = node?.nextSibling;
    if (i >= before.length) {
      parent.append(made(is, parent));
    } else if (typeof is === "string" ? typeof was !== "string" : was.tag !== is.tag) {
      node.replaceWith(made(is, parent));
    } else if (typeof is === "string") {
      if (was !== is) node.data = is;
    } else {
      dress(node, was.attributes, is.attributes);
      change(node, was.children, is.children);
    }
    node = next;
  }
  for (let left = before.length - after.length; left > 0; left--) parent.lastChild.remove();
}

const shown = new WeakMap(); // by node: what its children were last described as

/** Makes a node's children what is described; nothing else may change them. */
export function show(node, ...children) {
  change(node, shown.get(node) ?? [], children);
  shown.set(node, children);
}
