// The page's state, and the few ways in which it changes. Components read the signals and call the functions.
import { batch, computed, signal } from "@preact/signals";
import * as tree from "./conversation.js";
import * as storage from "./storage.js";
import { getJson, listModels, streamChat } from "./api.js";

export const samplerDefaults = {
  temperature: null, top_p: null, top_k: null, min_p: null, repetition_penalty: null, seed: null, max_tokens: 512,
};
const settingDefaults = {
  model: "", compareWith: "", system: "", key: "", theme: "auto", logprobs: false, sampler: samplerDefaults,
};

export const settings = signal(storage.loadSettings(settingDefaults));
export const conversations = signal(storage.loadConversations());
export const currentId = signal(conversations.value[0]?.id ?? null);
export const models = signal([]);
export const info = signal(null); // /burin/info
export const notice = signal(""); // a sentence for the user, or nothing
export const connected = signal("loading"); // loading, ready, failed
export const running = signal({}); // node id -> {controller, started, first, tokens}
export const exchanges = signal([]); // the last requests and what came back, newest first
export const revision = signal(0); // rises when the inside of a conversation changes

export const current = computed(() => {
  revision.value;
  return conversations.value.find((conversation) => conversation.id === currentId.value) ?? null;
});
export const isRunning = computed(() => Object.keys(running.value).length > 0);

const keptExchanges = 20;

export function say(text) {
  notice.value = text;
}

export function changeSettings(change) {
  settings.value = { ...settings.value, ...change };
  const failure = storage.saveSettings(settings.value);
  if (failure) say(failure);
}

export const changeSampler = (change) => changeSettings({ sampler: { ...settings.value.sampler, ...change } });

function touch(conversation, store = true) {
  revision.value++;
  if (!store) return;
  const failure = storage.saveConversation(conversation);
  if (failure) say(failure);
}

export async function connect() {
  connected.value = "loading";
  try {
    const list = await listModels(settings.value.key);
    models.value = list;
    if (!list.some((model) => model.id === settings.value.model)) changeSettings({ model: list[0]?.id ?? "" });
    if (!list.some((model) => model.id === settings.value.compareWith)) changeSettings({ compareWith: "" });
    connected.value = "ready";
    if (notice.value.startsWith("The server")) say("");
  } catch (error) {
    connected.value = "failed";
    say(error.message);
    return;
  }
  await refreshInfo();
}

// Memory bars and load; a server without this page's extras still chats.
export async function refreshInfo() {
  try {
    info.value = await getJson("/burin/info", settings.value.key);
  } catch {
    info.value = info.value ?? {};
  }
}

export function newConversation() {
  currentId.value = null;
}

export function openConversation(id) {
  currentId.value = id;
}

export function removeConversation(id) {
  stopAll();
  storage.deleteConversation(id);
  conversations.value = conversations.value.filter((conversation) => conversation.id !== id);
  if (currentId.value === id) currentId.value = conversations.value[0]?.id ?? null;
}

export function renameConversation(conversation, title) {
  conversation.title = title;
  touch(conversation);
}

export function importAll(text) {
  const known = new Set(conversations.value.map((conversation) => conversation.id));
  const added = tree.importConversations(text, (id) => known.has(id));
  for (const conversation of added) touch(conversation);
  conversations.value = [...added, ...conversations.value].sort((a, b) => b.updated.localeCompare(a.updated));
  return added.length;
}

function ensureConversation() {
  if (current.value) return current.value;
  const conversation = tree.createConversation();
  batch(() => {
    conversations.value = [conversation, ...conversations.value];
    currentId.value = conversation.id;
  });
  return conversation;
}

// The models that answer: one, or two side by side.
const answering = () => [settings.value.model, settings.value.compareWith].filter(Boolean);

export function send(text) {
  const conversation = ensureConversation();
  const node = tree.addNode(conversation, conversation.leaf, "user", text);
  touch(conversation);
  return answer(conversation, node);
}

// Says a user's message anew in other words: a sibling branch.
export function edit(conversation, node, text) {
  const other = tree.addNode(conversation, node.parent, "user", text);
  touch(conversation);
  return answer(conversation, other);
}

export function regenerate(conversation, node) {
  const parent = conversation.nodes[node.parent];
  if (!parent) return undefined;
  return answer(conversation, parent, [settings.value.model]);
}

export function continueAnswer(conversation, node) {
  return runAnswer(conversation, node, node.model || settings.value.model, true);
}

function answer(conversation, userNode, ids = answering()) {
  const nodes = ids.map((model) => tree.addNode(conversation, userNode.id, "assistant", "", { model }));
  conversation.leaf = nodes[0].id;
  return Promise.all(nodes.map((node) => runAnswer(conversation, node, node.model, false)));
}

export function showBranch(conversation, node) {
  tree.showBranch(conversation, node);
  touch(conversation);
}

export function removeBranch(conversation, node) {
  tree.removeBranch(conversation, node);
  touch(conversation);
}

export function stop(id) {
  running.value[id]?.controller.abort();
}

export function stopAll() {
  for (const id of Object.keys(running.value)) stop(id);
}

function bodyFor(conversation, node, model, continuing) {
  const { sampler, system, logprobs } = settings.value;
  const chosen = Object.fromEntries(Object.entries(sampler).filter(([, value]) => value !== null && value !== ""));
  return {
    model,
    messages: tree.messagesFor(conversation, continuing ? node.id : node.parent, system),
    stream: true,
    stream_options: { include_usage: true },
    timings_per_token: true, // a chunk may hold several tokens
    ...chosen,
    ...(logprobs ? { logprobs: true, top_logprobs: 5 } : {}),
    ...(continuing ? { continue_final_message: true, add_generation_prompt: false } : {}),
  };
}

function setRunning(id, value) {
  const next = { ...running.value };
  if (value) next[id] = value;
  else delete next[id];
  running.value = next;
}

async function runAnswer(conversation, node, model, continuing) {
  const controller = new AbortController();
  const progress = { controller, started: performance.now(), first: 0, tokens: 0 };
  const body = bodyFor(conversation, node, model, continuing);
  const exchange = { id: node.id, time: new Date().toISOString(), body, chunks: [], status: "running" };
  exchanges.value = [exchange, ...exchanges.value].slice(0, keptExchanges);
  setRunning(node.id, progress);
  delete node.error;
  node.finish = null;
  delete node.timings;
  delete node.usage;
  if (!continuing) node.logprobs = [];
  touch(conversation);
  try {
    const response = await streamChat({
      body,
      key: settings.value.key,
      signal: controller.signal,
      onChunk(chunk) {
        exchange.chunks.push(chunk);
        takeChunk(node, chunk, progress);
        touch(conversation, false);
        setRunning(node.id, { ...progress }); // a new object, or the message would not be drawn anew
      },
    });
    Object.assign(exchange, response, { status: "done" });
  } catch (error) {
    if (error.name === "AbortError") {
      node.finish = "stopped";
    } else {
      node.error = error.message;
    }
    exchange.status = node.error ?? "stopped";
  } finally {
    node.seconds = (performance.now() - progress.started) / 1000;
    setRunning(node.id, null);
    exchanges.value = [...exchanges.value];
    touch(conversation);
    refreshInfo();
  }
}

function takeChunk(node, chunk, progress) {
  if (chunk.usage) node.usage = chunk.usage;
  if (chunk.timings) node.timings = chunk.timings;
  const choice = chunk.choices?.[0];
  if (!choice) return;
  const text = choice.delta?.content ?? "";
  if (text) {
    progress.first ||= performance.now();
    node.content += text;
  }
  // The server counts; of another one each chunk is a token.
  progress.tokens = chunk.timings?.predicted_n ?? progress.tokens + (choice.logprobs?.content?.length ?? (text ? 1 : 0));
  if (choice.logprobs?.content) node.logprobs = [...(node.logprobs ?? []), ...choice.logprobs.content];
  if (choice.finish_reason) node.finish = choice.finish_reason;
}
