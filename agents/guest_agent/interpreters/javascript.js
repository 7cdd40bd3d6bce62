"use strict";

// The part of the session loops that Node.js and Bun share: the channel to the agent, one exec at a time.
//
// User code runs in the same process and may replace everything that it can reach. So this file captures all functions
// that it needs before any user code runs. While it holds a token, it reads no property that user code can redefine, and
// avoids array methods, iteration and regular expressions.

const uncurry = Function.prototype.bind.bind(Function.prototype.call);
const parseJson = JSON.parse;
const hasOwn = Object.hasOwn;
const keysOf = Object.keys;
const defineProperty = Object.defineProperty;
const getOwnPropertyDescriptor = Object.getOwnPropertyDescriptor;
const Bytes = Uint8Array;
const Memory = ArrayBuffer;
const setBytes = uncurry(Uint8Array.prototype.set);
const moveBytes = uncurry(Uint8Array.prototype.copyWithin);
const indexOfByte = uncurry(Uint8Array.prototype.indexOf);
const lengthOf = uncurry(getOwnPropertyDescriptor(Object.getPrototypeOf(Uint8Array.prototype), "length").get);
const indexOf = uncurry(String.prototype.indexOf);
const slice = uncurry(String.prototype.slice);
const trimStart = uncurry(String.prototype.trimStart);
const lastIndexOf = uncurry(String.prototype.lastIndexOf);
const startsWith = uncurry(String.prototype.startsWith);
const decode = TextDecoder.prototype.decode.bind(new TextDecoder());
const later = setImmediate;
const integer = parseInt;
const theProcess = process;
const theEnvironment = process.env;
const exit = process.exit.bind(process);
const emit = process.emit.bind(process);
const on = process.on.bind(process);
const listenerCount = process.listenerCount.bind(process);
const { writeSync } = require("node:fs");
const { inspect } = require("node:util");

const CHANNEL = 3;
const STDERR = 2;
const NEWLINE = 10;
const INITIAL_CAPACITY = 65536;

/** The name of the code in stack traces. */
const FILE = "[exec]";

/** Returns the code's main module, whose file does not exist, and its global variables. */
const mainModule = (Module, filename) => {
  const main = new Module(filename);
  main.filename = filename;
  main.paths = Module._nodeModulePaths(process.cwd());
  process.mainModule = main;
  const globals = {
    require: Module.createRequire(filename),
    module: main,
    exports: main.exports,
    __filename: filename,
    __dirname: process.cwd(),
  };
  return { main, globals };
};

/** Sets global variables that are not enumerable. */
const setGlobals = (globals) => {
  for (const [name, value] of Object.entries(globals)) {
    defineProperty(globalThis, name, { value, writable: true, enumerable: false, configurable: true });
  }
};

/** The exit code, as in Node.js, of a program whose top-level `await` never settles. */
const UNSETTLED = 13;

/** Writes text to a descriptor, and retries while the pipe is full. */
const write = (descriptor, text) => {
  let rest = text;
  while (rest !== "") {
    try {
      // A write may end within a character, so only ASCII goes to the channel, with one write.
      writeSync(descriptor, rest);
      rest = "";
    } catch (error) {
      if (error.code !== "EAGAIN") return;
    }
  }
};

/** Removes the stack frames of this loop and its callees from the text of an error. */
const withoutOwnFrames = (text) => {
  let result = "";
  let isOwn = false;
  for (let start = 0; start <= text.length; ) {
    const newline = indexOf(text, "\n", start);
    const end = newline < 0 ? text.length : newline;
    const line = slice(text, start, end);
    const isFrame = startsWith(trimStart(line), "at ");
    // The callers of the loop follow it.
    isOwn =
      isFrame &&
      (isOwn ||
        indexOf(line, "[eval]:") >= 0 ||
        indexOf(line, "(node:vm:") >= 0 ||
        indexOf(line, "runInThisContext (") >= 0);
    if (!isOwn) result += (start === 0 ? "" : "\n") + line;
    start = end + 1;
  }
  return result;
};

/** Writes an uncaught error to standard error. */
const report = (error, describe) => {
  let text;
  try {
    text = withoutOwnFrames(describe(error));
  } catch {
    text = "Uncaught error that cannot be displayed";
  }
  write(STDERR, text + "\n");
};

/** Returns a generator of numbers in [0, 1) like `Math.random`: sfc32, with 53 bits per number. */
const seededRandom = (seed) => {
  let a = integer(slice(seed, 0, 8), 16) | 0;
  let b = integer(slice(seed, 8, 16), 16) | 0;
  let c = integer(slice(seed, 16, 24), 16) | 0;
  let counter = integer(slice(seed, 24, 32), 16) | 0;
  const next = () => {
    const sum = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + sum;
    c |= 0;
    return sum >>> 0;
  };
  for (let round = 0; round < 16; round++) next();
  return () => ((next() >>> 5) * 67108864 + (next() >>> 6)) / 9007199254740992;
};

let nextRandom = Math.random;
defineProperty(Math, "random", {
  __proto__: null,
  value: { random: () => nextRandom() }.random,
  writable: true,
  enumerable: false,
  configurable: true,
});

const builtIn = { __proto__: null };
for (const name of Object.getOwnPropertyNames(globalThis)) builtIn[name] = true;

/**
 * Prepares existing global variables for code that declares them again.
 *
 * Fresh variables (`let`, `const`, `class`) become undefined. Others keep their value. So do built-in ones, which other
 * built-in code may need until they are assigned. An accessor, as many web globals are, becomes an ordinary property,
 * because assigning to it may have no effect.
 */
const prepareNames = (names, areFresh) => {
  for (let i = 0; i < names.length; i++) {
    const name = names[i];
    const old = getOwnPropertyDescriptor(globalThis, name);
    if (old === undefined) continue;
    const isFresh = areFresh && builtIn[name] !== true;
    if (hasOwn(old, "value") && old.writable) {
      if (isFresh) globalThis[name] = undefined;
    } else if (old.configurable) {
      defineProperty(globalThis, name, {
        __proto__: null,
        value: isFresh ? undefined : globalThis[name],
        writable: true,
        enumerable: true,
        configurable: true,
      });
    }
  }
};

/** Sets environment variables, for this and all later execs. */
const setEnvironment = (variables) => {
  const names = keysOf(variables);
  for (let i = 0; i < names.length; i++) {
    const name = names[i];
    theEnvironment[name] = variables[name];
    // User code may have replaced process.env.
    const replaced = theProcess.env;
    if (replaced !== theEnvironment && typeof replaced === "object" && replaced !== null) {
      replaced[name] = variables[name];
    }
  }
};

/** Returns the exit code that the code has set, and resets it. */
const takeExitCode = () => {
  const code = theProcess.exitCode;
  theProcess.exitCode = undefined;
  // Bun accepts only a number.
  if (theProcess.exitCode !== undefined) theProcess.exitCode = 0;
  return typeof code === "number" || typeof code === "string" ? +code & 255 : 0;
};

/**
 * Serves execs until the agent closes the channel. Returns a handler for uncaught errors.
 *
 * The runtime has these functions:
 * - `listen(onBytes, onEnd)`: reads the channel; returns `{ hold, release }`, which control whether it keeps the process alive.
 * - `evaluate(code)`: runs code; returns undefined, or a promise that settles when the code has ended.
 * - `describe(error)`: returns the text of an error.
 * - `reseed(seed)`: mixes a seed into the runtime's generators.
 * - `environmentChanged(variables)`: handles changed environment variables.
 */
const serve = (runtime) => {
  let memory = new Memory(INITIAL_CAPACITY);
  let bytes = new Bytes(memory);
  let used = 0;
  let token = "";
  let isRunning = false;
  let hasFailed = false;

  const finish = (code) => {
    if (!isRunning) return;
    isRunning = false;
    const answer = '{"token":"' + token + '","exit_code":' + code + "}\n";
    token = "";
    channel.hold();
    write(CHANNEL, answer);
    takeRequest();
  };

  const fail = (error) => {
    hasFailed = true;
    report(error, runtime.describe);
  };

  // The runtime reports rejections after the microtasks of the code, before the next turn of the event loop. The second
  // turn is for handlers that write.
  const settle = () => later(() => later(() => finish(hasFailed ? 1 : takeExitCode())));

  const run = async (code) => {
    try {
      await runtime.evaluate(code);
    } catch (error) {
      fail(error);
    }
    settle();
  };

  const start = (request) => {
    token = request.token;
    isRunning = true;
    hasFailed = false;
    let isStarted = false;
    takeExitCode();
    const { code } = request;
    try {
      if (hasOwn(request, "seed")) {
        nextRandom = seededRandom(request.seed);
        runtime.reseed(request.seed);
      }
      if (hasOwn(request, "env")) {
        setEnvironment(request.env);
        runtime.environmentChanged(request.env);
      }
    } catch (error) {
      fail(error);
    }
    // User code may have removed the listener.
    if (listenerCount("beforeExit") === 0) on("beforeExit", onIdle);
    // Leave the callback of the channel, whose asynchronous context has the channel as its resource. The new context has
    // this function as its resource, so user code may call it again.
    later(() => {
      if (isStarted) return;
      isStarted = true;
      channel.release();
      run(code);
    });
  };

  const takeRequest = () => {
    if (isRunning) return;
    const end = indexOfByte(bytes, NEWLINE);
    if (end < 0 || end >= used) return;
    const line = decode(new Bytes(memory, 0, end));
    moveBytes(bytes, 0, end + 1, used);
    used -= end + 1;
    start(parseJson(line));
  };

  const onBytes = (chunk) => {
    const needed = used + lengthOf(chunk);
    if (needed > lengthOf(bytes)) {
      memory = new Memory(2 * needed);
      const larger = new Bytes(memory);
      setBytes(larger, bytes);
      bytes = larger;
    }
    setBytes(bytes, chunk, used);
    used = needed;
    takeRequest();
  };

  // An uncaught error does not end the session. Handlers of user code come first, as in a program.
  theProcess.setUncaughtExceptionCaptureCallback((error) => {
    try {
      if (listenerCount("uncaughtException") > 0) emit("uncaughtException", error, "uncaughtException");
      else fail(error);
    } catch (later) {
      fail(later);
    }
  });

  // Nothing keeps the process alive any more, so the code waits for a promise that never settles.
  const onIdle = () => {
    if (!isRunning) return;
    if (!hasFailed) write(STDERR, "Warning: Detected unsettled top-level await\n");
    finish(hasFailed ? 1 : UNSETTLED);
  };

  // Engines compile functions at their first use. No exec should wait for that.
  runtime.evaluate("0");
  const channel = runtime.listen(onBytes, () => exit(0));
  return fail;
};
