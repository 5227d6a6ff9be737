import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { installed, launch, missing, serve } from "./chromium.mjs";
import { column, pdf } from "./pdf-fixture.mjs";

const skip = await missing(["fflate"]);
const fflate = await installed("fflate");
const zip = (files) => Buffer.from(fflate.zipSync(Object.fromEntries(
  Object.entries(files).map(([path, text]) => [path, typeof text === "string" ? fflate.strToU8(text) : text]))));

let server;
let browser;
let page;
const requested = [];
const blocked = [];

before(async () => {
  if (skip) return;
  server = await serve();
  browser = await launch();
  page = await browser.newPage();
  page.on("request", (request) => requested.push(new URL(request.url()).pathname));
  page.on("console", (message) => /Content Security Policy/.test(message.text()) && blocked.push(message.text()));
  await page.goto(`${server.origin}/blank.html`);
});

after(async () => {
  await browser?.close();
  await server?.close();
});

/** What readDocument makes of a file: its result, or {error: its message}. */
function read(name, content, { abort = false } = {}) {
  const base64 = Buffer.from(content).toString("base64");
  return page.evaluate(async ([name, base64, abort]) => {
    const { readDocument } = await import(new URL("/documents/read.js", location.href).href);
    const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
    const signal = abort ? AbortSignal.abort() : undefined;
    try {
      return await readDocument(new File([bytes], name), { signal });
    } catch (error) {
      return { error: error.message, type: error.name };
    }
  }, [name, base64, abort]);
}

async function refused(name, content, ...words) {
  const { error, type } = await read(name, content);
  assert.equal(type, "DocumentError", error);
  assert.ok(error.startsWith(`${name}: `), error);
  for (const word of words) assert.ok(error.includes(word), `${error} does not say ${word}`);
}

test("plain text and Markdown stay as they are", { skip }, async () => {
  assert.deepEqual(await read("a.txt", "One.\r\nTwo – thrée.\n"), { name: "a.txt", text: "One.\nTwo – thrée.\n", kind: "text", warnings: [] });
  const markdown = "# Title\n\n* <b>item</b>\n";
  assert.deepEqual(await read("a.MD", markdown), { name: "a.MD", text: markdown, kind: "markdown", warnings: [] });
  assert.match((await read("a.log", "line")).warnings[0], /\.log file was read as plain text/);
});

test("encodings", { skip }, async () => {
  assert.equal((await read("a.txt", Buffer.from("\ufeffbom"))).text, "bom");
  assert.equal((await read("a.txt", Buffer.from("\ufeffwide é", "utf16le"))).text, "wide é");
  assert.equal((await read("a.txt", Buffer.from("\ufeffbig é", "utf16le").swap16())).text, "big é");
  const latin = await read("a.txt", Buffer.from("caf\xe9 \x93q\x94", "latin1"));
  assert.equal(latin.text, "café “q”");
  assert.match(latin.warnings[0], /Windows-1252/);
  const named = await read("a.html", Buffer.from('<meta charset="iso-8859-2"><p>\xb1', "latin1"));
  assert.deepEqual([named.text, named.warnings], ["ą", []]);
});

test("HTML is read as a reader sees it", { skip }, async () => {
  const { text, kind } = await read("a.html", `<!doctype html><title>no</title><body><style>p{}</style><script>alert(1)</script>
    <h1>Head<b>ing</b></h1><p>One\n  two&nbsp;three<br>four</p><p hidden>no</p>
    <ul><li>first<li>second<ol><li>deep</ol></ul>
    <table><tr><th>Name<th>Age</tr><tr><td>Ada</td><td><p>36</p><p>years</p></td></tr></table><pre>a\n  b</pre>end<br><br>more`);
  assert.equal(kind, "html");
  assert.equal(text, "Heading\n\nOne two three\nfour\n\n- first\n- second\n  1. deep\n\nName | Age\nAda | 36 years\n\na\n  b\n\nend\n\nmore");
});

test("PDF: lines become paragraphs, divided words become whole", { skip }, async () => {
  const body = column(["A short head", "", "The first paragraph is long enough to be set in sev-", "eral lines of the page, with a well-known", "end.",
    "", "A well-", "known word again, on the line that is long enough too."]);
  body[0][2] = 18;
  const { text, kind, pages, warnings } = await read("a.pdf", pdf([body]));
  assert.equal(kind, "pdf");
  assert.equal(pages, 1);
  assert.deepEqual(warnings, []);
  assert.equal(text, "A short head\n\nThe first paragraph is long enough to be set in several lines of the page, with a well-known end.\n\n"
    + "A well-known word again, on the line that is long enough too.");
});

test("PDF: headers and page numbers go, a sentence goes on over a page's end", { skip }, async () => {
  const make = (n, lines) => [[72, 760, 12, "The Annual Report"], ...column(lines), [300, 40, 12, String(n)]];
  const { text, warnings } = await read("a.pdf", pdf([
    make(1, ["The sentence starts on the first page and it"]), make(2, ["ends on the second page."]), make(3, ["Here is the third."]), []]));
  assert.equal(text, "The sentence starts on the first page and it ends on the second page.\n\nHere is the third.");
  assert.match(warnings[0], /No text on page 4/);
});

test("PDF in Chinese, through a character map", { skip }, async () => {
  const font = "<< /Type /Font /Subtype /Type0 /BaseFont /SimSun /Encoding /UniGB-UCS2-H /DescendantFonts [<< /Type /Font "
    + "/Subtype /CIDFontType2 /BaseFont /SimSun /CIDSystemInfo << /Registry (Adobe) /Ordering (GB1) /Supplement 2 >> "
    + "/FontDescriptor << /Type /FontDescriptor /FontName /SimSun /Flags 4 >> >>] >>";
  const hex = (text) => Buffer.from(text, "utf16le").swap16().toString("hex");
  const { text } = await read("a.pdf", pdf([column([hex("中文文档"), hex("第二行。")])], { font }));
  assert.equal(text, "中文文档第二行。");
  assert.ok(requested.includes("/vendor/pdfjs/cmaps/UniGB-UCS2-H.bcmap"));
});

test("PDF files that cannot be read", { skip }, async () => {
  await refused("scan.pdf", pdf([[], []]), "2 pages without any text", "OCR");
  await refused("secret.pdf", pdf([column(["x"])], { encrypt: true }), "encrypted", "password");
  await refused("broken.pdf", "%PDF-1.7\nnothing more", "broken PDF", "expected a whole one");
  await refused("not.pdf", "<html>Please log in</html>", '"%PDF-"', "expected PDF");
  assert.equal((await read("a.pdf", pdf([column(["x"])]), { abort: true })).type, "AbortError");
});

const docx = (body, more = {}) => zip({
  "[Content_Types].xml": "<Types/>",
  "word/document.xml": `<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body>${body}</w:body></w:document>`,
  ...more,
});

test("DOCX: paragraphs, lists, tables, changes and notes", { skip }, async () => {
  const item = (level, text) => `<w:p><w:pPr><w:numPr><w:ilvl w:val="${level}"/><w:numId w:val="1"/></w:numPr></w:pPr><w:r><w:t>${text}</w:t></w:r></w:p>`;
  const cell = (text) => `<w:tc><w:p><w:r><w:t>${text}</w:t></w:r></w:p></w:tc>`;
  const { text, kind } = await read("a.docx", docx(`<w:p><w:r><w:t xml:space="preserve">One </w:t></w:r><w:r><w:t>two</w:t><w:tab/><w:t>three</w:t></w:r>
    <w:del><w:r><w:delText>gone</w:delText></w:r></w:del><w:ins><w:r><w:t> new</w:t></w:r></w:ins><w:r><w:footnoteReference w:id="2"/></w:r></w:p>
    <w:p><w:r><w:instrText>TOC</w:instrText><w:t>Second &amp; last</w:t></w:r></w:p>${item(0, "a")}${item(1, "b")}
    <w:tbl><w:tr>${cell("Name")}${cell("Age")}</w:tr><w:tr>${cell("Ada")}${cell("36")}</w:tr></w:tbl>`, {
    "word/footnotes.xml": '<w:footnotes xmlns:w="x"><w:footnote w:id="2"><w:p><w:r><w:t>A note.</w:t></w:r></w:p></w:footnote></w:footnotes>',
  }));
  assert.equal(kind, "docx");
  assert.equal(text, "One two\tthree new[1]\n\nSecond & last\n\n- a\n  - b\n\nName | Age\nAda | 36\n\n[1] A note.");
});

const epub = (more = {}) => zip({
  mimetype: "application/epub+zip",
  "META-INF/container.xml": '<container><rootfiles><rootfile full-path="O EBPS/book.opf"/></rootfiles></container>',
  "O EBPS/book.opf": `<package xmlns="http://www.idpf.org/2007/opf"><manifest><item id="n" href="nav.xhtml" properties="nav" media-type="application/xhtml+xml"/>
    <item id="b" href="two.xhtml" media-type="application/xhtml+xml"/><item id="a" href="text/one%20a.xhtml" media-type="application/xhtml+xml"/>
    <item id="gone" href="gone.xhtml" media-type="application/xhtml+xml"/></manifest>
    <spine><itemref idref="n"/><itemref idref="a"/><itemref idref="b"/><itemref idref="gone"/></spine></package>`,
  "O EBPS/nav.xhtml": "<html xmlns='http://www.w3.org/1999/xhtml'><body>Contents</body></html>",
  "O EBPS/text/one a.xhtml": "<html xmlns='http://www.w3.org/1999/xhtml'><head><title/></head><body><h1>One</h1><p>First.</p></body></html>",
  "O EBPS/two.xhtml": "<html><head><title/></head><body><p>Second&nbsp;one.</p></body></html>",
  ...more,
});

test("EPUB: chapters in the order of the spine", { skip }, async () => {
  const { text, kind, warnings } = await read("a.epub", epub());
  assert.equal(kind, "epub");
  assert.equal(text, "One\n\nFirst.\n\nSecond one.");
  assert.match(warnings[0], /O EBPS\/gone\.xhtml/);
});

test("EPUB with copy protection", { skip }, async () => {
  const encryption = (method) => ({ "META-INF/encryption.xml": `<encryption><EncryptedData><EncryptionMethod Algorithm="${method}"/></EncryptedData></encryption>` });
  await refused("a.epub", epub(encryption("http://www.w3.org/2001/04/xmlenc#aes128-cbc")), "encrypted");
  assert.match((await read("a.epub", epub(encryption("http://www.idpf.org/2008/embedding")))).text, /First/);
});

test("a file is what its bytes say", { skip }, async () => {
  const read1 = await read("report.txt", docx("<w:p><w:r><w:t>hello</w:t></w:r></w:p>"));
  assert.deepEqual([read1.kind, read1.text], ["docx", "hello"]);
  assert.match(read1.warnings[0], /named \.txt, but is DOCX/);
  assert.equal((await read("page", "<!DOCTYPE html><p>x</p>")).kind, "html");
});

test("files that are refused, with what was found and expected", { skip }, async () => {
  await refused("a.docx", docx("<w:p/>").subarray(0, 200), "broken zip", "expected");
  await refused("a.docx", zip({ "word/document.xml": "<a><b></a>" }), "broken XML", "word/document.xml");
  await refused("a.docx", zip({ "word/other.xml": "<a/>" }), 'no part "word/document.xml"');
  await refused("a.xlsx", zip({ "xl/workbook.xml": "<a/>" }), "Excel", "expected a .txt");
  await refused("a.zip", zip({ "x.bin": "1" }), "zip file with 1 other");
  await refused("a.doc", Buffer.from("d0cf11e0a1b11ae1", "hex"), "old Office file");
  await refused("a.png", Buffer.from("89504e470d0a1a0a", "hex"), "a picture");
  await refused("a.bin", Buffer.from([1, 2, 3, 0, 4]), "binary data", "expected text");
  await refused("a.txt", "", "an empty file");
  await refused("a.txt", " \n ", "without any text");
  await refused("a.html", "<p></p>", "HTML without any text");
  await refused("a.docx", docx("<w:p/>"), "DOCX without any text");
});

test("too large: a file, a text, and what a zip file unpacks to", { skip }, async () => {
  const message = await page.evaluate(async () => {
    const { readDocument } = await import(new URL("/documents/read.js", location.href).href);
    const block = new Uint8Array(2 ** 20).fill(97);
    const told = [];
    for (const n of [101, 17]) {
      await readDocument(new File(Array(n).fill(block), "big.txt")).catch((error) => told.push(error.message));
    }
    return told;
  });
  assert.equal(message[0], "big.txt: found 101 MiB, expected at most 100 MiB");
  assert.match(message[1], /^big\.txt: its text is longer than 16777216 characters, expected at most that$/);
  await refused("bomb.docx", zip({ "word/document.xml": new Uint8Array(130 * 2 ** 20).fill(32) }), "unpack to more than 128 MiB");
});

test("libraries come only with the files that need them", { skip }, async () => {
  const fresh = await browser.newPage();
  const paths = [];
  fresh.on("request", (request) => paths.push(new URL(request.url()).pathname));
  await fresh.goto(`${server.origin}/blank.html`);
  await fresh.evaluate(async () => {
    const { readDocument } = await import(new URL("/documents/read.js", location.href).href);
    await readDocument(new File(["<p>x"], "a.html"));
  });
  assert.ok(paths.includes("/documents/html.js"));
  assert.deepEqual(paths.filter((path) => path.startsWith("/vendor/")), []);
  await fresh.close();
});

test("the Content-Security-Policy refused nothing but styles that files bring along", { skip }, () => {
  assert.deepEqual(blocked.filter((message) => !message.startsWith("Applying inline style")), []);
});
