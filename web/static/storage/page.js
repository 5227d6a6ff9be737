// The document, the conversation and the settings, one of each, in IndexedDB.
// Where the browser keeps nothing (private windows, storage switched off) they
// live as long as the page.

const DATABASE = "tokenselect";
const STORE = "page";

/** @type {Map<string, unknown>} what is kept where there is no database */
const memory = new Map();

/** @type {Promise<IDBDatabase | null> | null} */
let opening = null;

/** Whether what is saved outlives the page. @returns {Promise<boolean>} */
export async function isKept() {
  return (await database()) !== null;
}

/** @typedef {{name: string, text: string, kind: string}} SavedDocument */

/** @param {SavedDocument} document */
export const saveDocument = (document) => put("document", document);

/** @returns {Promise<SavedDocument | null>} */
export const loadDocument = () => get("document");

/** @param {unknown[]} turns anything that can be cloned */
export const saveConversation = (turns) => put("conversation", turns);

/** @returns {Promise<unknown[]>} */
export const loadConversation = async () => (await get("conversation")) ?? [];

/** @param {Record<string, unknown>} settings */
export const saveSettings = (settings) => put("settings", settings);

/** @returns {Promise<Record<string, unknown>>} */
export const loadSettings = async () => (await get("settings")) ?? {};

/** Forgets the document, the conversation and the settings; weights stay. */
export async function clear() {
  memory.clear();
  const db = await database();
  if (db) await finished(db.transaction(STORE, "readwrite"), (store) => store.clear());
}

async function put(key, value) {
  const db = await database();
  if (!db) {
    memory.set(key, structuredClone(value));
    return;
  }
  await finished(db.transaction(STORE, "readwrite"), (store) => store.put(value, key));
}

async function get(key) {
  const db = await database();
  if (!db) return structuredClone(memory.get(key) ?? null);
  return (await finished(db.transaction(STORE, "readonly"), (store) => store.get(key))) ?? null;
}

function database() {
  opening ??= new Promise((resolve) => {
    let request;
    try {
      request = indexedDB.open(DATABASE, 1);
    } catch {
      resolve(null);
      return;
    }
    request.onupgradeneeded = () => request.result.createObjectStore(STORE);
    request.onerror = () => resolve(null);
    request.onsuccess = () => {
      const db = request.result;
      // Another tab with a newer page must not wait for this one.
      db.onversionchange = () => {
        db.close();
        opening = null;
      };
      db.onclose = () => {
        opening = null;
      };
      resolve(db);
    };
  });
  return opening;
}

function finished(transaction, act) {
  return new Promise((resolve, reject) => {
    const request = act(transaction.objectStore(STORE));
    const fail = () => {
      const error = transaction.error ?? request.error;
      const full = error?.name === "QuotaExceededError";
      reject(new Error(full ? "the browser's storage is full: delete a model or free disk space" : `the browser's storage failed: ${error?.message}`, { cause: error }));
    };
    transaction.oncomplete = () => resolve(request.result);
    transaction.onerror = fail;
    transaction.onabort = fail;
  });
}
