// The part of the session loop for Node.js.
//
// Code becomes a script of the main context. Top-level `let`, `const` and `class` become global variables, which later execs
// see and may declare again. The parser that Node.js contains for its REPL finds the declarations.

const vm = require("node:vm");
const net = require("node:net");
const path = require("node:path");
const Module = require("node:module");
const { pathToFileURL } = require("node:url");

const Script = vm.Script;
const runScript = uncurry(vm.Script.prototype.runInThisContext);
const stripTypes = Module.stripTypeScriptTypes;
const registerHooks = Module.registerHooks;
const includes = uncurry(String.prototype.includes);
const importModule = (specifier, attributes) => import(specifier, attributes);

/**
 * Rewrites code into a script. Runs in a separate context, whose intrinsics user code cannot replace.
 *
 * Returns `script`, the text; `imports`, to load first; `fresh` and `kept`, the names that it declares; `isAsync`, whether
 * it is a call of an async function; `hasValue`, whether its last statement is an expression.
 */
const rewrite = (acorn, code, meta) => {
  const parse = (sourceType) =>
    acorn.parse(code, {
      ecmaVersion: "latest",
      sourceType,
      allowAwaitOutsideFunction: true,
      allowImportExportEverywhere: true,
      allowHashBang: true,
    });
  let program;
  try {
    program = parse("script");
  } catch (error) {
    try {
      // Only modules allow `using` at the top level.
      program = parse("module");
    } catch {
      throw error;
    }
  }
  const edits = [];
  const replace = (start, end, text) => edits.push({ start, end, text, order: edits.length });
  const fresh = [];
  const kept = [];
  const functions = [];
  const imports = [];
  const isFunction = (node) => node.type.includes("Function") || node.type === "StaticBlock";
  const childrenOf = (node) =>
    Object.values(node)
      .flat()
      .filter((child) => child && typeof child.type === "string");
  const endOf = (node, text) => {
    if (code[node.end - 1] === ";") replace(node.end - 1, node.end - 1, text);
    else replace(node.end, node.end, `${text};`);
  };

  // Find nodes outside functions, without recursion: code may be nested deeply.
  let isAsync = false;
  const nestedVariables = [];
  const stack = [{ node: program, isInside: false, parent: null }];
  while (stack.length > 0) {
    const { node, isInside, parent } = stack.pop();
    if (node.type === "MetaProperty" && node.meta.name === "import") replace(node.start, node.end, meta);
    if (!isInside) {
      const isAwait = node.type === "AwaitExpression" || (node.type === "ForOfStatement" && node.await);
      const isUsing = node.type === "VariableDeclaration" && node.kind.endsWith("using") && parent === program;
      isAsync ||= isAwait || isUsing || (node.type === "VariableDeclaration" && node.kind === "await using");
      if (node.type === "VariableDeclaration" && node.kind === "var" && parent !== program) {
        if (!parent.type.startsWith("Export")) nestedVariables.push({ node, parent });
      }
    }
    const isField = node.type === "PropertyDefinition";
    for (const child of childrenOf(node)) {
      const enters = isInside || isFunction(node) || (isField && child === node.value);
      stack.push({ node: child, isInside: enters, parent: node });
    }
  }

  const namesOf = (pattern, names) => {
    if (pattern.type === "Identifier") names.push(pattern.name);
    else if (pattern.type === "ObjectPattern") {
      for (const property of pattern.properties) namesOf(property.value ?? property.argument, names);
    } else if (pattern.type === "ArrayPattern") {
      for (const element of pattern.elements) if (element) namesOf(element, names);
    } else if (pattern.type === "AssignmentPattern") namesOf(pattern.left, names);
    else if (pattern.type === "RestElement") namesOf(pattern.argument, names);
  };
  const assign = (node) => {
    const first = node.declarations[0];
    replace(node.start, first.start, "void (");
    for (const { id, init } of node.declarations) {
      if (init === null) replace(id.start, id.end, node.kind === "var" ? "0" : `${id.name} = void 0`);
    }
  };
  const variables = (node) => {
    if (node.kind.endsWith("using")) return;
    for (const { id } of node.declarations) namesOf(id, node.kind === "var" ? kept : fresh);
    if (isAsync) {
      assign(node);
      endOf(node, ")");
    } else if (node.kind !== "var") {
      replace(node.start, node.start + node.kind.length, "var");
      for (const { id, init } of node.declarations) if (init === null) replace(id.end, id.end, " = void 0");
    }
  };
  const declaration = (node) => {
    if (node.type === "VariableDeclaration") variables(node);
    else if (node.type === "ClassDeclaration") {
      fresh.push(node.id.name);
      replace(node.start, node.start, isAsync ? `${node.id.name} = ` : `var ${node.id.name} = `);
      replace(node.end, node.end, ";");
    } else if (node.type === "FunctionDeclaration") {
      kept.push(node.id.name);
      functions.push(node.id.name);
    }
  };
  const attributesOf = (node) =>
    (node.attributes ?? []).map(({ key, value }) => [key.name ?? key.value, value.value]);
  const nameOf = (node) => node.name ?? node.value;
  const load = (node, bindings) => {
    imports.push({ specifier: node.source.value, attributes: attributesOf(node), bindings });
    // Keep the number of lines.
    replace(node.start, node.end, `;${code.slice(node.start, node.end).replace(/[^\n]/g, "")}`);
  };
  for (const node of program.body) {
    if (node.type === "ImportDeclaration") {
      const bindings = node.specifiers.map((specifier) => [
        specifier.local.name,
        specifier.type === "ImportNamespaceSpecifier"
          ? null
          : specifier.type === "ImportDefaultSpecifier"
            ? "default"
            : nameOf(specifier.imported),
      ]);
      for (const [name] of bindings) fresh.push(name);
      load(node, bindings);
    } else if (node.type.startsWith("Export") && node.source) load(node, []);
    else if (node.type === "ExportNamedDeclaration" && node.declaration) {
      replace(node.start, node.declaration.start, "");
      declaration(node.declaration);
    } else if (node.type === "ExportNamedDeclaration") replace(node.start, node.end, ";");
    else if (node.type === "ExportDefaultDeclaration") {
      if (node.declaration.type.endsWith("Declaration") && node.declaration.id) {
        replace(node.start, node.declaration.start, "");
        declaration(node.declaration);
      } else {
        replace(node.start, node.declaration.start, "void (");
        endOf(node, ")");
      }
    } else declaration(node);
  }

  const last = program.body.findLast((node) => node.type !== "EmptyStatement");
  const hasValue = last?.type === "ExpressionStatement";
  if (isAsync) {
    for (const { node, parent } of nestedVariables) {
      for (const { id } of node.declarations) namesOf(id, kept);
      if (/^For(In|Of)Statement$/.test(parent.type) && parent.left === node) {
        replace(node.start, node.declarations[0].start, "");
        continue;
      }
      assign(node);
      if (parent.type === "ForStatement" && parent.init === node) replace(node.end, node.end, ")");
      else endOf(node, ")");
    }
    if (hasValue) {
      replace(last.start, last.start, "return { __proto__: null, value: (");
      endOf(last, ") }");
    }
  }

  // Keep the order of insertions at one position; insertions come before replacements that start there.
  edits.sort((a, b) => a.start - b.start || a.end - b.end || a.order - b.order);
  let script = "";
  let position = 0;
  for (const { start, end, text } of edits) {
    if (start < position) continue;
    script += code.slice(position, start) + text;
    position = end;
  }
  script += code.slice(position);
  if (isAsync) {
    const names = [...fresh, ...kept];
    const variables = names.length > 0 ? `var ${names.join(", ")};` : "";
    const publish = functions.map((name) => `this.${name} = ${name};`).join("");
    // Add a separate first line, so that the other lines keep their columns.
    script = `${variables}(async () => {${publish}\n${script.replace(/^#!/, "//")}\n})()`;
  }
  return { script, imports, fresh, kept, isAsync, hasValue };
};

// `natives` are the sources of Node.js' modules. The flag that exposes them as modules would also expose them to user code.
const acornSource = process.binding("natives")["internal/deps/acorn/acorn/dist/acorn"];
const compiler = vm.createContext({ __proto__: null });
const acorn = vm.runInContext(
  `((module) => { (function (exports, module) { ${acornSource}\n})(module.exports, module); return module.exports; })`,
  compiler,
)({ exports: {} });
const rewriteSafely = vm.runInContext(`(${rewrite})`, compiler);

const filename = path.join(process.cwd(), FILE);
const { main, globals } = mainModule(Module, filename);
const meta =
  `({ __proto__: null, url: ${JSON.stringify(pathToFileURL(filename).href)}, main: true, ` +
  `filename: ${JSON.stringify(filename)}, dirname: ${JSON.stringify(process.cwd())}, ` +
  "resolve: (name) => { const to = require.resolve(name); " +
  "return require('node:module').isBuiltin(name) ? to : require('node:url').pathToFileURL(to).href } })";
const mainRequire = globals.require;
mainRequire.main = main;
// After this script, Node.js sets the global variable `module` to the built-in module.
later(() => setGlobals(globals));
// Output must be in the pipes before the answer, and child processes expect blocking pipes.
for (const stream of [process.stdout, process.stderr]) stream._handle?.setBlocking?.(true);
// Otherwise child processes and workers would inherit the text of this loop.
process.execArgv.length = 0;
process.title = "node";

/** Compiles a script with the dynamic imports of the main program. */
const compile = (text, lineOffset) =>
  new Script(text, {
    __proto__: null,
    filename: FILE,
    lineOffset,
    importModuleDynamically: vm.constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
  });

/** Calls an experimental function without its warning on standard error. */
const withoutWarnings = (call) => {
  const warn = theProcess.emitWarning;
  theProcess.emitWarning = () => {};
  try {
    return call();
  } finally {
    theProcess.emitWarning = warn;
  }
};

// The loader prints its warning only once.
withoutWarnings(() => runScript(compile("import('node:path')", 0)));

/** Removes types of TypeScript; returns undefined if the code is not TypeScript. */
const withoutTypes = (code) =>
  withoutWarnings(() => {
    try {
      return stripTypes(code, { __proto__: null, mode: "strip" });
    } catch {
      try {
        // Enums and similar constructs need a transformation.
        return stripTypes(code, { __proto__: null, mode: "transform" });
      } catch {
        return undefined;
      }
    }
  });

/** Throws Node.js' error for code that does not parse. */
const throwSyntaxError = (code, error) => {
  try {
    compile(`(async () => {\n${code}\n})`, -1);
  } catch (own) {
    if (!includes(own.message, "outside a module") && !includes(own.message, "'export'")) throw own;
  }
  throw new SyntaxError(error.message);
};

/** Rewrites code, as JavaScript if it parses, otherwise as TypeScript. */
const translate = (code) => {
  let failure;
  try {
    return rewriteSafely(acorn, code, meta);
  } catch (error) {
    failure = error;
  }
  const plain = withoutTypes(code);
  if (plain !== undefined) {
    try {
      return { __proto__: null, ...rewriteSafely(acorn, plain, meta), isTyped: true };
    } catch {
      // The code does not parse without types either.
    }
  }
  try {
    // The engine may support newer syntax than the parser.
    compile(code, 0);
  } catch {
    throwSyntaxError(code, failure);
  }
  return { script: code, imports: [], fresh: [], kept: [], isAsync: false, hasValue: true };
};

/** Loads modules, and sets global variables to the imported values. */
const loadImports = async (imports, isTyped) => {
  for (let i = 0; i < imports.length; i++) {
    const { specifier, attributes, bindings } = imports[i];
    const options = { __proto__: null };
    if (attributes.length > 0) {
      options.with = { __proto__: null };
      for (let j = 0; j < attributes.length; j++) options.with[attributes[j][0]] = attributes[j][1];
    }
    const namespace = await importModule(specifier, options);
    for (let j = 0; j < bindings.length; j++) {
      const local = bindings[j][0];
      const name = bindings[j][1];
      let value;
      if (name === null) value = namespace;
      else if (name in namespace) value = namespace[name];
      else if (Object(namespace.default) === namespace.default && name in namespace.default) {
        // A CommonJS module whose exports Node.js could not detect statically.
        value = namespace.default[name];
      } else if (!isTyped) {
        // In TypeScript, an import of a type has no value.
        const text = `The requested module '${specifier}' does not provide an export named '${name}'`;
        throw new SyntaxError(text);
      }
      globalThis[local] = value;
    }
  }
};

const evaluate = async (code) => {
  const { script, imports, fresh, kept, isAsync, hasValue, isTyped } = translate(code);
  const compiled = compile(script, isAsync ? -1 : 0);
  prepareNames(fresh, true);
  prepareNames(kept, false);
  if (imports.length > 0) await loadImports(imports, isTyped);
  let value = runScript(compiled);
  if (isAsync) value = (await value)?.value;
  if (hasValue) await value;
};

/** Copies the prototypes of an object, so that changes of user code to the shared ones do not affect it. */
const isolate = (object) => {
  const copy = (prototype) => {
    if (prototype === null) return null;
    return Object.create(copy(Object.getPrototypeOf(prototype)), Object.getOwnPropertyDescriptors(prototype));
  };
  return Object.setPrototypeOf(object, copy(Object.getPrototypeOf(object)));
};

const listen = (onBytes, onEnd) => {
  const memory = new Memory(INITIAL_CAPACITY);
  const socket = isolate(
    new net.Socket({
      fd: CHANNEL,
      readable: true,
      writable: false,
      onread: {
        buffer: new Bytes(memory),
        callback: (length) => {
          onBytes(new Bytes(memory, 0, length));
          return true;
        },
      },
    }),
  );
  socket.on("end", onEnd);
  socket.on("error", onEnd);
  // Hide the channel from user code.
  const activeHandles = process._getActiveHandles;
  process._getActiveHandles = () => {
    const others = [];
    const handles = activeHandles();
    for (let i = 0; i < handles.length; i++) {
      if (handles[i] !== socket) {
        defineProperty(others, others.length, {
          __proto__: null,
          value: handles[i],
          writable: true,
          enumerable: true,
          configurable: true,
        });
      }
    }
    return others;
  };
  const ref = uncurry(socket.ref);
  const unref = uncurry(socket.unref);
  return { hold: () => ref(socket), release: () => unref(socket) };
};

const { randomFillSync } = require("node:crypto");
const discarded = new Bytes(4096);

/**
 * Changes the state of OpenSSL's generator with a seed.
 *
 * Node.js has no function that adds entropy. But the state of the generator depends on the sizes of requests. One request
 * for each byte of the seed, of as many blocks as the byte says, makes the state a function of the whole seed.
 */
const reseed = (seed) => {
  for (let i = 0; i + 2 <= seed.length; i += 2) {
    const blocks = integer(slice(seed, i, i + 2), 16) + 1;
    randomFillSync(discarded, 0, 16 * blocks);
  }
};

/** Resolves modules in NODE_PATH, as `require` does. */
const resolveByNodePath = (specifier, context, nextResolve) => {
  try {
    return nextResolve(specifier, context);
  } catch (error) {
    const isBare = !startsWith(specifier, ".") && !startsWith(specifier, "/") && !includes(specifier, ":");
    if (!isBare || error.code !== "ERR_MODULE_NOT_FOUND") throw error;
    try {
      return nextResolve(pathToFileURL(mainRequire.resolve(specifier)).href, context);
    } catch {
      throw error;
    }
  }
};

let hasHooks = false;
const useNodePath = () => {
  Module._initPaths();
  if (!hasHooks) registerHooks({ resolve: resolveByNodePath });
  hasHooks = true;
};
if (process.env.NODE_PATH) useNodePath();

serve({
  listen,
  evaluate,
  reseed,
  describe: (error) => inspect(error),
  environmentChanged: (variables) => {
    if (hasOwn(variables, "NODE_PATH")) useNodePath();
  },
});
