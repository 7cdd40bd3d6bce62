// The part of the session loop for Bun.
//
// Bun's transpiler has a mode for REPLs: top-level declarations become global variables, static imports become dynamic
// ones, and code that awaits becomes a function. Line numbers in stack traces refer to its output.

const vm = require("node:vm");
const path = require("node:path");
const Module = require("node:module");
const { pathToFileURL } = require("node:url");

const Script = vm.Script;
const runScript = uncurry(vm.Script.prototype.runInThisContext);
const scriptOptions = {
  __proto__: null,
  filename: FILE,
  importModuleDynamically: vm.constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
};
const isArray = Array.isArray;
const replaceAll = uncurry(String.prototype.replaceAll);

const filename = path.join(process.cwd(), FILE);
const { main, globals } = mainModule(Module, filename);
const mainRequire = globals.require;
defineProperty(mainRequire, "main", { value: main, writable: true, enumerable: true, configurable: true });
// The transpiler writes `require.module` for `module`.
mainRequire.module = main;
setGlobals(globals);
// Otherwise child processes and workers would inherit the text of this loop.
process.execArgv.length = 0;

/** Returns a transpiler for a syntax, and one that keeps declarations, whose output shows the kinds of statements. */
const transpilers = (loader) => {
  const options = {
    loader,
    // For the target "bun" it would write `import.meta.require`, which only modules have.
    target: "node",
    trimUnusedImports: false,
    deadCodeElimination: false,
    inline: false,
    define: {
      // Otherwise the transpiler inserts its own value.
      "process.env.NODE_ENV": "process.env.NODE_ENV",
      __filename: JSON.stringify(filename),
      __dirname: JSON.stringify(process.cwd()),
      "import.meta.url": JSON.stringify(pathToFileURL(filename).href),
      "import.meta.path": JSON.stringify(filename),
      "import.meta.filename": JSON.stringify(filename),
      "import.meta.dir": JSON.stringify(process.cwd()),
      "import.meta.dirname": JSON.stringify(process.cwd()),
      "import.meta.main": "true",
      "import.meta.require": "require",
      "import.meta.env": "process.env",
    },
  };
  return {
    rewriter: new Bun.Transpiler({ ...options, replMode: true }),
    printer: new Bun.Transpiler(options),
  };
};
const javaScript = transpilers("js");
const typeScript = transpilers("ts");
const typeScriptWithElements = transpilers("tsx");
const transform = uncurry(Bun.Transpiler.prototype.transformSync);

const rewriteAs = ({ rewriter, printer }, code) => ({
  script: transform(rewriter, code),
  statements: "\n" + transform(printer, code),
});

/** Rewrites code, as JavaScript if it parses, otherwise as TypeScript. */
const translate = (code) => {
  try {
    return rewriteAs(javaScript, code);
  } catch {
    try {
      return rewriteAs(typeScript, code);
    } catch (error) {
      try {
        return rewriteAs(typeScriptWithElements, code);
      } catch {
        throw syntaxError(error);
      }
    }
  }
};

/** Converts an error of the transpiler into a SyntaxError. */
const syntaxError = (error) => {
  const messages = error.errors;
  const first = isArray(messages) && messages.length > 0 ? messages[0] : error;
  const place = first.position;
  const result = new SyntaxError(first.message);
  const at = place ? `\n    at ${FILE}:${place.line}:${place.column}` : "";
  defineProperty(result, "stack", {
    __proto__: null,
    value: `SyntaxError: ${first.message}${at}`,
    writable: true,
    configurable: true,
  });
  return result;
};

/** Returns the names that the rewritten script declares. Its first lines are `var a, b;`. */
const declaredNames = (script) => {
  const names = { __proto__: null, length: 0 };
  let start = 0;
  while (startsWith(slice(script, start, start + 4), "var ")) {
    const end = indexOf(script, ";\n", start);
    if (end < 0) break;
    for (let from = start + 4; from < end; ) {
      const comma = indexOf(script, ", ", from);
      const to = comma < 0 || comma > end ? end : comma;
      names[names.length++] = slice(script, from, to);
      from = to + 2;
    }
    start = end + 2;
  }
  return names;
};

/** Returns whether a top-level `var` or `function` declares a name, which may then already have a value. */
const isKept = (name, statements) => {
  const words = ["var ", "for (var ", "function ", "async function "];
  for (let i = 0; i < words.length; i++) {
    let at = indexOf(statements, "\n" + words[i]);
    while (at >= 0) {
      const newline = indexOf(statements, "\n", at + 1);
      if (indexOf(slice(statements, at, newline < 0 ? statements.length : newline), name) >= 0) return true;
      at = indexOf(statements, "\n" + words[i], at + 1);
    }
  }
  // In blocks, only `var` declares global variables.
  return indexOf(statements, " var ") >= 0;
};

/**
 * Returns whether the last statement is a declaration, whose value does not count.
 *
 * The transpiler returns the values of both `let x = f()` and `x = f()`. Its other output distinguishes them.
 */
const endsWithDeclaration = (script, statements) => {
  const value = lastIndexOf(script, "value: ");
  const equals = indexOf(script, " = ", value);
  if (value < 0 || equals < 0) return false;
  const assignment = lastIndexOf(statements, "\n" + slice(script, value + 7, equals) + " = ");
  const words = ["let ", "const ", "var ", "import ", "class "];
  for (let i = 0; i < words.length; i++) {
    if (lastIndexOf(statements, "\n" + words[i]) > assignment) {
      return indexOf(slice(script, value + 7, equals), " ") < 0;
    }
  }
  return false;
};

/** Removes `export` before functions and classes, where the transpiler leaves it: scripts must not contain it. */
const withoutExports = (script, statements) => {
  if (indexOf(statements, "\nexport ") < 0) return script;
  return replaceAll(replaceAll(script, "\n  export default ", "\n  "), "\n  export ", "\n  ");
};

const evaluate = async (code) => {
  // User code may have removed the listener; then a rejection would end the process.
  if (listenerCount("unhandledRejection") === 0) on("unhandledRejection", ownHandler);
  const { script, statements } = translate(code);
  const compiled = new Script(withoutExports(script, statements), scriptOptions);
  const names = declaredNames(script);
  for (let i = 0; i < names.length; i++) {
    const name = { __proto__: null, 0: names[i], length: 1 };
    prepareNames(name, !isKept(names[i], statements));
  }
  const result = await runScript(compiled);
  if (endsWithDeclaration(script, statements)) return;
  if (result !== undefined && result !== null) await result.value;
};

const listen = (onBytes, onEnd) => {
  Bun.connect({
    fd: CHANNEL,
    socket: { data: (_, bytes) => onBytes(bytes), end: onEnd, close: onEnd, error: onEnd },
  });
  // The channel keeps the process alive even while code runs. Otherwise Bun would end at the next error.
  return { hold: () => {}, release: () => {} };
};

const { sleepSync } = Bun;

/** Writes all bytes. Returns an error, or null. */
const writeAll = (descriptor, chunk) => {
  for (let start = 0; start < lengthOf(chunk); ) {
    try {
      start += writeSync(descriptor, chunk, start);
    } catch (error) {
      if (error.code !== "EAGAIN") return error;
      // User code has made the pipe non-blocking.
      sleepSync(1);
    }
  }
  return null;
};

/**
 * Replaces a standard stream by one that writes at once, as in Node.js.
 *
 * Bun's stream buffers output that does not fit into the pipe, so the answer would overtake it. Its first use also makes
 * the pipe non-blocking, and then `console.log` loses output that does not fit.
 */
const replaceStream = (name, descriptor) => {
  let stream;
  // Defining a property would first use the existing stream.
  process[name] = undefined;
  defineProperty(process, name, {
    configurable: true,
    enumerable: true,
    get: () => {
      if (stream === undefined) {
        const { Writable } = require("node:stream");
        stream = new Writable({ write: (chunk, _, done) => done(writeAll(descriptor, chunk)) });
        stream.fd = descriptor;
        stream._type = "pipe";
      }
      return stream;
    },
  });
};
replaceStream("stdout", 1);
replaceStream("stderr", STDERR);

// Bun does not report an unhandled rejection as an uncaught exception.
const ownHandler = (error) => {
  if (listenerCount("unhandledRejection") <= 1) failed(error);
};
on("unhandledRejection", ownHandler);

const failed = serve({
  listen,
  evaluate,
  // BoringSSL mixes in the kernel's random numbers at every call.
  reseed: () => {},
  describe: (error) => {
    const { name, message } = Object(error);
    // Errors of the resolver and of the transpiler are not instances of `Error`, and `inspect` shows nothing.
    return error instanceof Error || typeof message !== "string" ? inspect(error) : `${name}: ${message}`;
  },
  environmentChanged: () => {},
});
