// What Go asks Node for, for a worker of a page: files to read, which
// exec-server.js has, and output. Requests are synchronous, as a worker may make
// them, so that output is out even if the program never lets go of its thread.

// As Linux has them: Go passes its own flags through these.
const constants = { O_WRONLY: 1, O_RDWR: 2, O_CREAT: 0o100, O_EXCL: 0o200, O_TRUNC: 0o1000, O_APPEND: 0o2000, O_DIRECTORY: 0o200000 };
const WRITING = constants.O_WRONLY | constants.O_RDWR | constants.O_CREAT | constants.O_TRUNC | constants.O_APPEND;
const REFUSED = ["chmod", "chown", "fchmod", "fchown", "ftruncate", "lchown", "link", "mkdir", "rename", "rmdir", "symlink", "truncate", "unlink", "utimes"];

/** An error that Go takes for an errno. */
const failure = (code, message = code) => Object.assign(new Error(message), { code });

/** A request to exec-server.js, which answers 404 with an errno's name. */
function ask(method, route, query, body = null, type = "json") {
  const request = new XMLHttpRequest();
  request.open(method, `/${route}?${new URLSearchParams(query)}`, false);
  request.responseType = type;
  request.send(body);
  if (request.status === 404) throw failure(request.getResponseHeader("X-Errno") ?? "EIO");
  if (request.status !== 200) throw failure("EIO", `${method} /${route}: status ${request.status}`);
  return request.response;
}

/** The parts of a path below the root, without "." and "..". */
function resolve(cwd, ...segments) {
  const parts = [];
  for (const part of [cwd, ...segments].reduce((all, s) => (s.startsWith("/") ? s : `${all}/${s}`)).split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return `/${parts.join("/")}`;
}

/**
 * The globals fs, path and process for wasm_exec.js.
 * @param {string} cwd the working directory, absolute
 */
export function nodeGlobals(cwd) {
  const open = new Map(); // by descriptor: {stat, bytes, at}, bytes null for a directory
  let next = 3;
  const absolute = (name) => resolve(cwd, name);

  const stat = (name, links = "follow") => {
    const found = ask("GET", "stat", { path: absolute(name), links });
    return { ...found, isDirectory: () => found.directory };
  };
  const file = (fd) => open.get(fd) ?? (() => { throw failure("EBADF"); })();

  const calls = {
    open(name, flags) {
      if (flags & WRITING) throw failure("EROFS");
      const found = stat(name);
      if (flags & constants.O_DIRECTORY && !found.directory) throw failure("ENOTDIR");
      const bytes = found.directory ? null : new Uint8Array(ask("GET", "file", { path: absolute(name) }, null, "arraybuffer"));
      open.set(next, { stat: found, bytes, at: 0 });
      return next++;
    },
    close(fd) {
      file(fd);
      open.delete(fd);
    },
    read(fd, buffer, offset, length, position) {
      if (fd === 0) return 0;
      const from = file(fd);
      if (!from.bytes) throw failure("EISDIR");
      const at = position ?? from.at;
      const piece = from.bytes.subarray(at, at + length);
      buffer.set(piece, offset);
      if (position === null) from.at += piece.length;
      return piece.length;
    },
    write(fd, buffer, offset, length) { return fs.writeSync(fd, buffer.subarray(offset, offset + length)); },
    fstat: (fd) => file(fd).stat,
    stat: (name) => stat(name),
    lstat: (name) => stat(name, "keep"),
    readlink: (name) => ask("GET", "link", { path: absolute(name) }),
    readdir: (name) => ask("GET", "list", { path: absolute(name) }),
    fsync() {},
  };
  for (const name of REFUSED) calls[name] = () => { throw failure("EROFS"); };

  const fs = {
    constants,
    writeSync(fd, bytes) {
      if (fd !== 1 && fd !== 2) throw failure("EBADF");
      ask("POST", "write", { fd }, bytes.slice());
      return bytes.length;
    },
  };
  for (const [name, call] of Object.entries(calls)) {
    fs[name] = (...args) => {
      const callback = args.pop();
      let result;
      try {
        result = call(...args);
      } catch (error) {
        callback(error.code ? error : failure("EIO", error.message));
        return;
      }
      callback(null, result);
    };
  }

  return {
    fs,
    path: { resolve: (...segments) => resolve(cwd, ...segments) },
    process: {
      pid: 1, ppid: 0,
      getuid: () => 0, geteuid: () => 0, getgid: () => 0, getegid: () => 0, getgroups: () => [],
      umask: () => 0o22,
      cwd: () => cwd,
      chdir(name) {
        if (!stat(name).directory) throw failure("ENOTDIR");
        cwd = absolute(name);
      },
    },
  };
}
