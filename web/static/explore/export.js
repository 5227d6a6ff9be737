// Files that the page hands out.

/**
 * Saves a text as a file.
 * @param {string} name
 * @param {string} text
 * @param {string} type of media
 */
export function download(name, text, type) {
  const url = URL.createObjectURL(new Blob([text], { type }));
  const link = Object.assign(document.createElement("a"), { href: url, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 10_000); // the browser has begun to save it by then
}
