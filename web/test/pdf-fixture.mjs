// PDF files by hand: a page is a list of [x, y, size, text].

/**
 * @param {[number, number, number, string][][]} pages
 * @param {{encrypt?: boolean, font?: string}} [options] font: a font dictionary, then texts are hexadecimal strings
 * @returns {Buffer}
 */
export function pdf(pages, { encrypt = false, font } = {}) {
  const objects = ["<< /Type /Catalog /Pages 2 0 R >>", "", font ?? "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>"];
  const kids = [];
  for (const page of pages) {
    const show = (text) => (font ? `<${text}>` : `(${text.replace(/[\\()]/g, "\\$&")})`);
    const stream = page.map(([x, y, size, text]) => `BT /F1 ${size} Tf 1 0 0 1 ${x} ${y} Tm ${show(text)} Tj ET`).join("\n");
    objects.push(`<< /Length ${stream.length} >>\nstream\n${stream}\nendstream`);
    objects.push(`<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents ${objects.length} 0 R /Resources << /Font << /F1 3 0 R >> >> >>`);
    kids.push(`${objects.length} 0 R`);
  }
  objects[1] = `<< /Type /Pages /Kids [${kids.join(" ")}] /Count ${kids.length} >>`;
  if (encrypt) objects.push(`<< /Filter /Standard /V 1 /R 2 /P -4 /O <${"ab".repeat(32)}> /U <${"cd".repeat(32)}> >>`);
  let out = "%PDF-1.4\n";
  const offsets = objects.map((body, i) => {
    const at = out.length;
    out += `${i + 1} 0 obj\n${body}\nendobj\n`;
    return at;
  });
  const xref = out.length;
  out += `xref\n0 ${objects.length + 1}\n0000000000 65535 f \n${offsets.map((at) => `${String(at).padStart(10, "0")} 00000 n \n`).join("")}`;
  out += `trailer\n<< /Size ${objects.length + 1} /Root 1 0 R /ID [<${"00".repeat(16)}> <${"00".repeat(16)}>]${encrypt ? ` /Encrypt ${objects.length} 0 R` : ""} >>\n`;
  return Buffer.from(`${out}startxref\n${xref}\n%%EOF\n`, "latin1");
}

/** A page of lines of 12 points, from the top of it. */
export function column(lines, { x = 72, top = 720, leading = 14 } = {}) {
  let y = top + leading;
  return lines.flatMap((text) => {
    y -= leading;
    return text === "" ? [] : [[x, y, 12, text]];
  });
}
