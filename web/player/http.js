/**
 * HTTP as the player needs it: every failure becomes a Problem with one line for the person, and every
 * transfer says when it began and ended (ms on the clock of performance.now).
 */

/** A request that failed. `status` 0 means that nobody answered. `message` is the problem+json detail (RFC 9457). */
export class Problem extends Error {
  constructor(status, message) {
    super(message);
    this.name = "Problem";
    this.status = status;
  }

  /** Whether the same request may succeed a little later. */
  get passing() {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

async function problemOf(response) {
  let detail = "";
  if (response.headers.get("Content-Type")?.startsWith("application/problem+json")) {
    const document = await response.json().catch(() => ({}));
    detail = document.detail || document.title || "";
  }
  return new Problem(response.status, detail || `The server answered ${response.status}.`);
}

/** fetch, but anything that is not a 2xx answer throws a Problem. An abort stays an AbortError. */
export async function request(url, options = {}) {
  let response;
  try {
    response = await fetch(url, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(0, "The server does not answer.");
  }
  if (!response.ok) throw await problemOf(response);
  return response;
}

/**
 * A whole body: {body: ArrayBuffer, began, ended}; with `range` {first, size} that part of it, whatever the server makes of
 * ranges.
 */
export async function transfer(url, { signal, range = null } = {}) {
  const began = performance.now();
  const headers = range ? { Range: `bytes=${range.first}-${range.first + range.size - 1}` } : {};
  const response = await request(url, { signal, headers });
  const all = await bodyOf(response);
  const ended = performance.now();
  const body = range && response.status !== 206 ? all.slice(range.first, range.first + range.size) : all;
  if (range && body.byteLength !== range.size) throw new Problem(502, "The server sent another part of the file than was asked for.");
  return { body, began, ended };
}

/** The whole body of an answer, an ArrayBuffer. */
export async function bodyOf(response) {
  try {
    return await response.arrayBuffer();
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(0, "The connection broke off.");
  }
}

/** Waits `ms`, or rejects with the signal's reason. */
export function pause(ms, signal) {
  return new Promise((resolve, reject) => {
    const abort = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", abort);
      resolve();
    }, ms);
    if (signal?.aborted) abort();
    else signal?.addEventListener("abort", abort, { once: true });
  });
}
