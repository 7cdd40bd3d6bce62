// The session loop's part for Bun.
//
// Bun's transpiler has a mode for REPLs: declarations at the top become global variables, static imports dynamic ones,
// and code that awaits a function. The stack traces have the lines of what it writes.

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
// Children and workers would inherit the text of this loop.
process.execArgv.length = 0;

/** Returns the transpiler of a syntax, and one that keeps declarations: it shows which statements they are. */
const transpilers = (loader) => {
  const options = {
    loader,
    // For Bun itself it would write `import.meta.require`, which only modules have.
    target: "node",
    trimUnusedImports: false,
    deadCodeElimination: false,
    inline: false,
    define: {
      // Otherwise its value at build time.
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

/** Rewrites code: JavaScript if it is, otherwise TypeScript. So nothing that is JavaScript passes the other step. */
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

/** Returns an error for what the transpiler says of code. */
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

/** Returns the names that the rewritten script declares: its first lines are `var a, b;`. */
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

/** Returns whether a name occurs in a declaration by `var` or `function` at the top, so may have a value already. */
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
  // In blocks there is nothing but `var` that becomes a global variable.
  return indexOf(statements, " var ") >= 0;
};

/**
 * Returns whether the last statement declares, so that its value is none of an expression.
 *
 * The transpiler returns the value of `let x = f()` as it does that of `x = f()`; its other output tells which it was.
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

/** Removes `export` from before functions and classes, where the transpiler leaves it and no script has it. */
const withoutExports = (script, statements) => {
  if (indexOf(statements, "\nexport ") < 0) return script;
  return replaceAll(replaceAll(script, "\n  export default ", "\n  "), "\n  export ", "\n  ");
};

const evaluate = async (code) => {
  // User code may have removed it, and then a rejection would end the process.
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
  // The channel keeps the process alive even while code runs: once nothing does, Bun ends at the next error.
  return { hold: () => {}, release: () => {} };
};

const { sleepSync } = Bun;

/** Writes all bytes, and returns an error if that failed. */
const writeAll = (descriptor, chunk) => {
  for (let start = 0; start < lengthOf(chunk); ) {
    try {
      start += writeSync(descriptor, chunk, start);
    } catch (error) {
      if (error.code !== "EAGAIN") return error;
      // User code has made the pipe one that does not wait.
      sleepSync(1);
    }
  }
  return null;
};

/**
 * Replaces a standard stream by one that writes at once, as those of Node.js do.
 *
 * Bun's own keeps what does not fit into the pipe, so that the answer would overtake it. And from its first use on the
 * pipe does not wait, whereupon `console.log` loses what does not fit.
 */
const replaceStream = (name, descriptor) => {
  let stream;
  // Defining a property would first use the stream that is there.
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

// A promise that nothing handles is no uncaught exception here.
const ownHandler = (error) => {
  if (listenerCount("unhandledRejection") <= 1) failed(error);
};
on("unhandledRejection", ownHandler);

const failed = serve({
  listen,
  evaluate,
  // BoringSSL mixes in numbers of the kernel whenever it is asked.
  reseed: () => {},
  describe: (error) => {
    const { name, message } = Object(error);
    // Errors of the resolver and of the transpiler are no `Error`s, and show nothing.
    return error instanceof Error || typeof message !== "string" ? inspect(error) : `${name}: ${message}`;
  },
  environmentChanged: () => {},
});
