// Tables as files for spreadsheets.

const cell = (value) => {
  const text = value === null || value === undefined ? "" : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
};

/**
 * Rows as CSV (RFC 4180); what was not recorded is left empty.
 * @param {(string | number | boolean | null | undefined)[][]} rows the first has the names
 */
export const csv = (rows) => rows.map((row) => row.map(cell).join(",") + "\r\n").join("");
