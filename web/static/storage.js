// What the page keeps in the browser: the document and the conversation, and the
// weights of models.
export { clear, isKept, loadConversation, loadDocument, loadSettings, saveConversation, saveDocument, saveSettings } from "./storage/page.js";
export { keyOf, StorageError, WeightsCache } from "./storage/weights.js";
