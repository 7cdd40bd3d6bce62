// Wraps everything that code can reach and records every text, as user code that searches for the token would.
(() => {
  "use strict";
  const seen = [];
  let isBusy = false;
  const { apply, ownKeys, getOwnPropertyDescriptor } = Reflect;
  const { defineProperty } = Object;
  const { isView } = ArrayBuffer;
  const latin1 = Buffer.prototype.latin1Slice;
  const { writeSync } = require("fs");
  const spy = (value) => {
    if (isBusy) return;
    isBusy = true;
    try {
      const text = typeof value === "string" ? value : isView(value) ? apply(latin1, value, [0, 4096]) : "";
      const entry = { value: text, writable: true, enumerable: true, configurable: true };
      if (text) defineProperty(seen, seen.length, entry);
    } catch {
      // The value contains no text.
    }
    isBusy = false;
  };
  const wrap = (target, names = ownKeys(target)) => {
    for (const name of names) {
      const old = getOwnPropertyDescriptor(target, name);
      if (!old?.configurable || name === "constructor") continue;
      if (typeof old.value === "function") {
        const wrapped = {
          [name](...values) {
            spy(this);
            for (let i = 0; i < values.length; i++) spy(values[i]);
            const result = apply(old.value, this, values);
            spy(result);
            return result;
          },
        }[name];
        defineProperty(target, name, { ...old, value: wrapped });
      } else if (old.get) {
        const get = function () {
          spy(this);
          return apply(old.get, this, []);
        };
        defineProperty(target, name, { ...old, get });
      }
    }
  };
  globalThis.report = () => {
    let all = "";
    for (let i = 0; i < seen.length; i++) all += seen[i] + "\n";
    writeSync(1, all);
  };
  const arrays = Object.getPrototypeOf(Uint8Array.prototype);
  const streams = require("stream");
  wrap(JSON);
  wrap(TextDecoder.prototype);
  wrap(require("net").Socket.prototype);
  wrap(streams.Readable.prototype);
  wrap(streams.Duplex.prototype);
  wrap(require("events").prototype);
  wrap(Buffer.prototype);
  wrap(Uint8Array.prototype);
  wrap(arrays);
  wrap(Promise.prototype);
  wrap(RegExp.prototype);
  wrap(require("fs"), ["writeSync", "readSync", "read", "write"]);
  wrap(Buffer, ["from", "alloc", "allocUnsafe", "concat"]);
  wrap(Array.prototype, ["push", "concat", "join", "slice", "indexOf", "map", "filter", "forEach", "shift"]);
  wrap(String.prototype, ["slice", "indexOf", "charCodeAt", "split", "trim", "trimStart", "replace", "concat"]);
  for (const name of ["token", "code", "seed"]) {
    defineProperty(Object.prototype, name, { set: spy, get: () => "ff", configurable: true });
  }
  const Evil = class extends Uint8Array {
    constructor(...values) {
      super(...values);
      spy(this);
    }
  };
  Uint8Array.prototype.constructor = Evil;
  arrays.constructor = Evil;
  "".concat("a known text");
})();
