// The server's API as the page uses it. Every failure is an ApiError with a sentence for people.
import { EventParser } from "./sse.js";

export class ApiError extends Error {
  constructor(message, status = 0) {
    super(message);
    this.status = status;
  }
}

const headersWith = (key, more = {}) => ({ ...(key ? { Authorization: `Bearer ${key}` } : {}), ...more });

async function failureOf(response) {
  let message = "";
  try {
    message = (await response.json())?.error?.message ?? "";
  } catch {
    // The status has to do.
  }
  const wait = response.headers.get("retry-after");
  if (response.status === 401) message ||= "The server wants an API key.";
  if (response.status === 429 && wait) message = `${message || "The chip is busy."} Try again in ${wait} s.`;
  return new ApiError(message || `The server answered ${response.status} ${response.statusText}.`, response.status);
}

async function request(path, options) {
  let response;
  try {
    response = await fetch(path, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError("The server cannot be reached. Is `burin serve` still running?");
  }
  if (!response.ok) throw await failureOf(response);
  return response;
}

export async function getJson(path, key) {
  return (await request(path, { headers: headersWith(key) })).json();
}

export const listModels = async (key) => (await getJson("/v1/models", key)).data;

// Streams an answer. `onChunk(chunk)` sees every parsed chunk. Returns {requestId, digest} of the response.
export async function streamChat({ body, key, signal, onChunk }) {
  const response = await request("/v1/chat/completions", {
    method: "POST",
    headers: headersWith(key, { "Content-Type": "application/json" }),
    body: JSON.stringify(body),
    signal,
  });
  const parser = new EventParser();
  const reader = response.body.getReader();
  let done = false;
  while (!done) {
    const { value, done: ended } = await reader.read();
    if (ended) break;
    for (const data of parser.push(value)) {
      if (data === "[DONE]") {
        done = true;
        break;
      }
      const chunk = JSON.parse(data);
      if (chunk.error) throw new ApiError(chunk.error.message);
      onChunk(chunk);
    }
  }
  if (!done) throw new ApiError("The connection ended in the middle of the answer.");
  return { requestId: response.headers.get("x-request-id"), digest: response.headers.get("x-burin-digest") };
}
