// The Node.js runtimes of Lambda, as a client of the Runtime API: finds the handler, calls it with every event, and
// reports results, errors and console lines in the form that AWS's own runtime gives them.

import fs from "node:fs";
import http from "node:http";
import https from "node:https";
import module, { createRequire } from "node:module";
import path from "node:path";
import { pathToFileURL, urlToHttpOptions } from "node:url";
import util from "node:util";

const root = process.env.LAMBDA_TASK_ROOT;
const require = createRequire(path.join(root, "index.js"));
const [host, port] = process.env.AWS_LAMBDA_RUNTIME_API.split(":");
const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
const isJson = process.env.AWS_LAMBDA_LOG_FORMAT === "JSON";
const CALLBACKS_GONE =
  "AWS Lambda has removed support for callback-based function handlers starting with Node.js 24. " +
  "You need to modify this function to use a supported handler signature to use Node.js 24 or later.";

/** The request id of the invocation at work; none before the first. */
let requestId;
/** Ends what runs with an error that nobody caught: the init at first, later an invocation. */
let fail = (error, status) => failInit(error, status);
/** What to do when nothing is left to wait for. */
let whenIdle = null;

process.on("beforeExit", () => {
  const work = whenIdle;
  whenIdle = null;
  work?.();
});

// ── The Runtime API ──

function call(method, what, body = "", headers = {}) {
  return new Promise((resolve, reject) => {
    const place = { host, port, method, agent, path: `/2018-06-01/runtime/${what}` };
    const length = { "content-length": Buffer.byteLength(body) };
    const request = http.request({ ...place, headers: { ...headers, ...length } }, (answer) => {
      const chunks = [];
      answer.on("data", (chunk) => chunks.push(chunk));
      answer.on("end", () => resolve({ headers: answer.headers, body: Buffer.concat(chunks).toString() }));
    });
    request.on("error", reject);
    request.end(body);
  });
}

function report(what, error) {
  const shape = errorShape(error);
  const type = /^[\x20-\x7e]+$/.test(shape.errorType) ? shape.errorType : "Error";
  const headers = { "content-type": "application/json", "lambda-runtime-function-error-type": type };
  return call("POST", `${what}/error`, JSON.stringify(shape), headers);
}

function errorShape(error) {
  if (util.types.isNativeError(error) || (error && error.name && error.message && error.stack)) {
    return { errorType: String(error.name), errorMessage: error.message, trace: (error.stack || "").split("\n") };
  }
  return { errorType: typeof error, errorMessage: String(error), trace: [] };
}

// ── The console ──

function patchConsole() {
  const levels = { log: "INFO", info: "INFO", debug: "DEBUG", warn: "WARN", error: "ERROR", trace: "TRACE" };
  for (const [name, level] of Object.entries(levels)) {
    console[name] = (...words) => write(isJson ? jsonLine(level, words) : textLine(level, words));
  }
  console.fatal = (...words) => write(isJson ? jsonLine("FATAL", words) : textLine("FATAL", words));
}

/** One line is one event of the log, so a message of several lines goes out with carriage returns. */
const write = (line) => fs.writeSync(1, `${line.replace(/\n/g, "\r")}\n`);

const textLine = (level, words) =>
  `${new Date().toISOString()}\t${requestId}\t${level}\t${util.format(...words)}`;

function jsonLine(level, words) {
  const line = { timestamp: new Date().toISOString(), level, requestId };
  line.message = words.length === 1 && typeof words[0] === "object" ? words[0] : util.format(...words);
  const error = words.find((word) => util.types.isNativeError(word));
  if (error) {
    Object.assign(line, { errorType: error.name, errorMessage: error.message, stackTrace: error.stack.split("\n") });
    if (line.message === error) line.message = error.message;
  }
  try {
    return JSON.stringify(line);
  } catch {
    return JSON.stringify({ ...line, message: util.format(...words) });
  }
}

function logError(label, error) {
  const known = errorShape(error);
  const own = util.types.isNativeError(error) ? { ...error } : {};
  const shape = { errorType: known.errorType, errorMessage: known.errorMessage, ...own, stack: known.trace };
  if (isJson) {
    write(JSON.stringify({ timestamp: new Date().toISOString(), level: "ERROR", requestId, message: shape }));
  } else {
    write(`${textLine("ERROR", [label])} \t${JSON.stringify(shape)}`);
  }
}

// ── The handler ──

function named(name, message, stack) {
  const error = new Error(message);
  error.name = name;
  if (stack) error.stack = stack;
  return error;
}

async function loadHandler(text) {
  if (text.includes("..")) {
    const words = `'${text}' is not a valid handler name. Use absolute paths when specifying root directories in handler names.`;
    throw named("Runtime.MalformedHandlerName", words);
  }
  const [, file, name] = path.basename(text).match(/^([^.]*)\.(.*)$/) ?? [];
  if (!file) throw named("Runtime.MalformedHandlerName", "Bad handler");
  const loaded = await load(path.resolve(root, path.dirname(text), file), file);
  const member = (from) => name.split(".").reduce((found, key) => found?.[key], from);
  const handler = member(loaded) ?? member(loaded.default);
  if (!handler) throw named("Runtime.HandlerNotFound", `${text} is undefined or not exported`);
  if (typeof handler !== "function") throw named("Runtime.HandlerNotFound", `${text} is not a function`);
  if (process.env.AWS_EXECUTION_ENV === "AWS_Lambda_nodejs24.x" && handler.length >= 3) {
    throw named("Runtime.CallbackHandlerDeprecated", CALLBACKS_GONE);
  }
  return handler;
}

/** A file without extension, then `.js`, `.mjs` and `.cjs`, then what Node itself finds. */
async function load(place, file) {
  try {
    if (isFile(place)) return require(place);
    if (isFile(`${place}.js`)) return isModule(place) ? await bring(`${place}.js`) : require(`${place}.js`);
    if (isFile(`${place}.mjs`)) return await bring(`${place}.mjs`);
    if (isFile(`${place}.cjs`)) return require(`${place}.cjs`);
    return require(require.resolve(file, { paths: [root, path.dirname(place)] }));
  } catch (error) {
    if (error instanceof SyntaxError) throw named("Runtime.UserCodeSyntaxError", String(error), error.stack);
    if (["MODULE_NOT_FOUND", "ERR_MODULE_NOT_FOUND"].includes(error?.code)) {
      throw named("Runtime.ImportModuleError", String(error), error.stack);
    }
    throw error;
  }
}

const isFile = (place) => fs.statSync(place, { throwIfNoEntry: false })?.isFile() ?? false;

/** Whether the nearest package.json says that `.js` is an ES module. */
function isModule(place) {
  for (let folder = path.dirname(place); ; folder = path.dirname(folder)) {
    const file = path.join(folder, "package.json");
    if (isFile(file)) return JSON.parse(fs.readFileSync(file, "utf8")).type === "module";
    if (folder === path.dirname(folder)) return false;
  }
}

async function bring(file) {
  findModulesOfNodePath();
  return import(pathToFileURL(file).href);
}

/** Node looks in NODE_PATH for `require` alone; on Lambda `import` finds the AWS SDK there too. */
function findModulesOfNodePath() {
  const folders = process.env.NODE_PATH.split(path.delimiter);
  if (!module.register || !folders.some((folder) => fs.existsSync(path.join(folder, "@aws-sdk")))) return;
  const hook = `
    import { createRequire } from "node:module";
    import { pathToFileURL } from "node:url";
    const require = createRequire(${JSON.stringify(pathToFileURL(path.join(root, "index.js")).href)});
    export async function resolve(name, context, next) {
      try { return await next(name, context); } catch (error) {
        if (error.code !== "ERR_MODULE_NOT_FOUND" || /^[./]|:/.test(name)) throw error;
        try { return { url: pathToFileURL(require.resolve(name)).href, shortCircuit: true }; } catch { throw error; }
      }
    }`;
  module.register(`data:text/javascript,${encodeURIComponent(hook)}`);
}

/** Packages that are installed for the whole machine come after those of the function's variable. */
function completeNodePath() {
  const installed = path.resolve(process.execPath, "../../lib/node_modules");
  const layers = ["/opt/nodejs/node_modules"];
  process.env.NODE_PATH = [process.env.NODE_PATH, ...layers, installed, root].filter(Boolean).join(path.delimiter);
  module._initPaths();
}

// ── The management API ──

/** The id of the API that a host of AWS belongs to. */
const apiOf = (host) => /^([a-z0-9]+)\.execute-api\.[a-z0-9-]+\.amazonaws\.com$/.exec(host ?? "")?.[1];

/** `https://{domainName}/{stage}` is an address of the local cloud here. */
function redirectManagementApi(cloud) {
  const secure = https.request;
  https.request = function (...words) {
    const callback = words.find((word) => typeof word === "function");
    const options = Object.assign({}, ...words.filter((word) => typeof word !== "function").map(asOptions));
    const name = options.hostname ?? options.host;
    const api = apiOf(name);
    if (!api) return secure.apply(this, words);
    const place = { protocol: "http:", host: cloud.hostname, hostname: cloud.hostname, port: cloud.port };
    const path = `/_aws/execute-api/${api}${options.path}`;
    return http.request({ ...options, ...place, path, agent: undefined }, callback);
  };
  https.get = (...words) => {
    const request = https.request(...words);
    request.end();
    return request;
  };
  const plain = globalThis.fetch;
  globalThis.fetch = (resource, settings) => {
    const isRequest = resource instanceof Request;
    const url = URL.canParse(isRequest ? resource.url : resource) && new URL(isRequest ? resource.url : resource);
    const api = url && apiOf(url.hostname);
    if (!api) return plain(resource, settings);
    const place = new URL(`/_aws/execute-api/${api}${url.pathname}${url.search}`, cloud);
    return plain(isRequest ? new Request(place, resource) : place, settings);
  };
  module.syncBuiltinESMExports();
}

function asOptions(word) {
  if (typeof word === "string") return urlToHttpOptions(new URL(word));
  return word instanceof URL ? urlToHttpOptions(word) : word;
}

// ── Invocations ──

async function failInit(error, status) {
  await report("init", error);
  process.exit(status);
}

function contextOf(headers) {
  const parsed = (name) => (headers[name] ? JSON.parse(headers[name]) : undefined);
  const deadline = Number(headers["lambda-runtime-deadline-ms"]);
  return {
    callbackWaitsForEmptyEventLoop: true,
    functionVersion: process.env.AWS_LAMBDA_FUNCTION_VERSION,
    functionName: process.env.AWS_LAMBDA_FUNCTION_NAME,
    memoryLimitInMB: process.env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    logGroupName: process.env.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: process.env.AWS_LAMBDA_LOG_STREAM_NAME,
    clientContext: parsed("lambda-runtime-client-context"),
    identity: parsed("lambda-runtime-cognito-identity"),
    invokedFunctionArn: headers["lambda-runtime-invoked-function-arn"],
    awsRequestId: headers["lambda-runtime-aws-request-id"],
    getRemainingTimeInMillis: () => deadline - Date.now(),
  };
}

/** What the handler answers: by promise, by callback, by `context`, or nothing when nothing is left to do. */
function answerOf(handler, event, context) {
  return new Promise((resolve, reject) => {
    const failed = (error) => {
      whenIdle = null;
      reject(error);
    };
    const done = (result) => {
      whenIdle = null;
      resolve(result);
    };
    const callback = (error, result) => {
      if (error !== undefined && error !== null) failed(error);
      else if (context.callbackWaitsForEmptyEventLoop) whenIdle = () => done(result);
      else done(result);
    };
    context.succeed = done;
    context.fail = (error) => failed(error ?? "handled");
    context.done = callback;
    fail = (error, status) => failed(Object.assign(new Uncaught(), { error, status }));
    whenIdle = () => done(null);
    const returned = handler(event, context, callback);
    if (typeof returned?.then === "function") returned.then(done, failed);
  });
}

/** An error that no handler caught: it is reported, and ends the process. */
class Uncaught {}

function bodyOf(result) {
  try {
    return JSON.stringify(result === undefined ? null : result) ?? "null";
  } catch (error) {
    throw named("Runtime.UnserializableResponse", `Unable to stringify response body: ${error.message}`);
  }
}

async function perform(handler, { headers, body }) {
  requestId = headers["lambda-runtime-aws-request-id"];
  process.env._X_AMZN_TRACE_ID = headers["lambda-runtime-trace-id"] ?? "";
  const invocation = `invocation/${requestId}`;
  try {
    const result = bodyOf(await answerOf(handler, JSON.parse(body), contextOf(headers)));
    await call("POST", `${invocation}/response`, result, { "content-type": "application/json" });
  } catch (error) {
    if (error instanceof Uncaught) {
      await report(invocation, error.error);
      process.exit(error.status);
    }
    logError("Invoke Error", error);
    await report(invocation, error);
  }
}

process.on("uncaughtException", (error) => {
  logError("Uncaught Exception", error);
  fail(error, 129);
});
process.on("unhandledRejection", (reason) => {
  const error = named("Runtime.UnhandledPromiseRejection", String(reason), reason?.stack);
  logError("Unhandled Promise Rejection", error);
  fail(error, 128);
});

async function main() {
  patchConsole();
  completeNodePath();
  redirectManagementApi(new URL(process.argv[2]));
  let handler;
  try {
    handler = await loadHandler(process.env._HANDLER);
  } catch (error) {
    logError("Uncaught Exception", error);
    await failInit(error, 1);
  }
  for (;;) await perform(handler, await call("GET", "invocation/next"));
}

main();
