// Short ways to the page's elements.

/** @returns {any} the element with that id, which index.html has */
export const byId = (id) => document.getElementById(id);

/**
 * A new element. Properties are set as they are; children may be text.
 * @param {string} tag
 * @param {object} [properties]
 * @param {...(Node | string)} children
 * @returns {any}
 */
export function element(tag, properties = {}, ...children) {
  const { data, ...rest } = properties;
  const made = Object.assign(document.createElement(tag), rest);
  if (data) Object.assign(made.dataset, data);
  made.append(...children);
  return made;
}

/** Calls f at most once a frame. */
export function eachFrame(f) {
  let asked = 0;
  return () => {
    asked ||= requestAnimationFrame(() => {
      asked = 0;
      f();
    });
  };
}

/** Has the user asked for little motion? */
export const calm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

/** Says something to screen readers. */
export function say(text) {
  byId("say").textContent = text;
}
