// The server's engine over a websocket. A connection that breaks is made again
// for a minute; the server keeps the session that long, and sends what was
// missed.
import { VERSION } from "./trace.js";

const KEPT_MS = 60_000; // the server's patience
const LONGEST_WAIT_MS = 5_000;
const TOO_BIG = 1009; // of a message, by the standard

export class SocketTransport {
  #url;
  #handlers;
  #socket = null;
  #session = "";
  #seq = 0;
  #open = false;
  #said = []; // commands that may not have arrived
  #lostAt = 0;
  #attempt = 0;
  #timer = 0;
  #closed = false;

  constructor(base, handlers) {
    const url = new URL("ws", base);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    this.#url = url.href;
    this.#handlers = handlers;
    this.#lostAt = performance.now();
    this.#connect();
  }

  #connect() {
    const socket = new WebSocket(this.#url);
    this.#socket = socket;
    socket.onopen = () => {
      const hello = { type: "hello", v: VERSION };
      if (this.#session) Object.assign(hello, { session: this.#session, seq: this.#seq });
      socket.send(JSON.stringify(hello));
    };
    socket.onmessage = ({ data }) => {
      if (socket === this.#socket) this.#event(JSON.parse(data), socket);
    };
    socket.onclose = ({ code, reason }) => {
      if (socket === this.#socket && !this.#closed) this.#lost(code, reason);
    };
  }

  #event(event, socket) {
    if (event.type === "hello") {
      const again = this.#session !== "";
      if (again && !event.resumed) {
        this.#give({ code: "gone", message: "the server does not know this session any more", hint: "Load again: the document is kept in this browser." });
        return;
      }
      this.#session = event.session;
      this.#open = true;
      this.#attempt = 0;
      // The server tells which command was the last to arrive. A stop has no
      // number of its own, and does no harm twice.
      this.#said = this.#said.filter((command) => command.type === "stop" || command.id > (event.id ?? 0));
      for (const command of this.#said) socket.send(JSON.stringify(command));
      this.#handlers.connection({ state: again ? "resumed" : "open" });
      return;
    }
    if (event.seq) {
      if (event.seq <= this.#seq) return; // sent again
      this.#seq = event.seq;
    }
    this.#arrived(event);
    if (event.type === "error" && event.error.code === "gone") {
      this.#give(event.error);
      return;
    }
    this.#handlers.event(event);
  }

  #lost(code, reason) {
    if (code === TOO_BIG) { // and would be so again
      this.#give({ code: "bad_command", message: reason, hint: "Choose a shorter document." });
      return;
    }
    if (this.#open) this.#lostAt = performance.now();
    this.#open = false;
    const message = reason || (code === 1001 ? "the server is shutting down" : "the connection broke");
    if (performance.now() - this.#lostAt > KEPT_MS || (!this.#session && this.#attempt >= 3)) {
      this.#give({ code: "network", message: `no connection to the server: ${message}`, hint: "Is it running, and reachable from here? Load again when it is." });
      return;
    }
    this.#attempt++;
    this.#handlers.connection({ state: "lost", attempt: this.#attempt, message });
    const wait = Math.min(LONGEST_WAIT_MS, 250 * 2 ** (this.#attempt - 1));
    this.#timer = setTimeout(() => this.#connect(), wait * (0.75 + Math.random() / 2));
  }

  #give(error) {
    this.close();
    this.#handlers.failure(error);
  }

  /** An answer tells that its command arrived, and all before it. */
  #arrived({ type, id }) {
    if (!id || this.#said.length === 0) return;
    const over = type === "done" || type === "error";
    this.#said = this.#said.filter((command) => command.id > id || (command.type === "stop" && command.id === id && !over));
  }

  send(command) {
    this.#said.push(command);
    if (this.#open) this.#socket.send(JSON.stringify(command));
  }

  close() {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#socket?.close(1000);
  }
}
