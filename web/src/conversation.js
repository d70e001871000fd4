// A conversation is a tree: editing a message or asking again makes a sibling, and nothing that was said is lost. What is
// shown is the path from the root to `leaf`. Plain data, so that it can be stored and exported as it is.
//
// node: {id, parent (null at the root), role, content, created (ISO time), model?, finish?, error?, timings?, usage?, logprobs?}

export const FORMAT = "burin-conversations";
export const FORMAT_VERSION = 1;

const newId = () => globalThis.crypto?.randomUUID?.() ?? `${Date.now().toString(36)}-${Math.random().toString(36).slice(2)}`;
const now = () => new Date().toISOString();

export function createConversation(settings = {}) {
  return { id: newId(), title: "", created: now(), updated: now(), settings: { ...settings }, nodes: {}, leaf: null };
}

// Adds a node below `parent`, shows it, and returns it.
export function addNode(conversation, parent, role, content, more = {}) {
  const node = { id: newId(), parent, role, content, created: now(), ...more };
  conversation.nodes[node.id] = node;
  conversation.leaf = node.id;
  conversation.updated = node.created;
  if (!conversation.title && role === "user") conversation.title = titleOf(content);
  return node;
}

export function titleOf(text) {
  const line = text.trim().split("\n", 1)[0];
  return line.length > 48 ? `${line.slice(0, 47)}…` : line;
}

// The nodes from the root to `leaf`.
export function pathTo(conversation, leaf = conversation.leaf) {
  const path = [];
  for (let node = conversation.nodes[leaf]; node; node = conversation.nodes[node.parent]) path.unshift(node);
  return path;
}

export const childrenOf = (conversation, parent) =>
  Object.values(conversation.nodes).filter((node) => node.parent === parent);

export const siblingsOf = (conversation, node) => childrenOf(conversation, node.parent);

// Shows `node` and, below it, the newest answer of each fork.
export function showBranch(conversation, node) {
  let leaf = node;
  for (;;) {
    const below = childrenOf(conversation, leaf.id);
    if (below.length === 0) break;
    leaf = below[below.length - 1];
  }
  conversation.leaf = leaf.id;
}

// Removes a node and all below it; shows what is above.
export function removeBranch(conversation, node) {
  for (const below of childrenOf(conversation, node.id)) removeBranch(conversation, below);
  delete conversation.nodes[node.id];
  if (!conversation.nodes[conversation.leaf]) conversation.leaf = node.parent;
}

// What the API wants: system prompt first, then the path. Answers that failed before a word are left out.
export function messagesFor(conversation, leaf, system) {
  const messages = pathTo(conversation, leaf)
    .filter((node) => node.content !== "" || node.role === "user")
    .map(({ role, content }) => ({ role, content }));
  return system ? [{ role: "system", content: system }, ...messages] : messages;
}

export function exportConversations(conversations) {
  return JSON.stringify({ format: FORMAT, version: FORMAT_VERSION, exported: now(), conversations }, null, 1);
}

// Reads an export; throws an Error with a sentence for people. Ids are made anew when `taken(id)` says so.
export function importConversations(text, taken = () => false) {
  let data;
  try {
    data = JSON.parse(text);
  } catch {
    throw new Error("This file is not JSON. Expected a file that “Export” wrote.");
  }
  if (data?.format !== FORMAT) throw new Error(`This file is not an export of conversations (format “${data?.format}”).`);
  if (data.version !== FORMAT_VERSION) throw new Error(`The export has version ${data.version}; this page reads version ${FORMAT_VERSION}.`);
  if (!Array.isArray(data.conversations)) throw new Error("The export holds no list of conversations.");
  return data.conversations.map((conversation, index) => {
    checkConversation(conversation, index);
    return taken(conversation.id) ? { ...conversation, id: newId() } : conversation;
  });
}

function checkConversation(conversation, index) {
  const refuse = (what) => {
    throw new Error(`Conversation ${index + 1} of the file ${what}.`);
  };
  if (typeof conversation?.id !== "string" || typeof conversation.nodes !== "object" || conversation.nodes === null) refuse("has no messages");
  for (const [id, node] of Object.entries(conversation.nodes)) {
    if (node?.id !== id || typeof node.content !== "string") refuse("has a damaged message");
    if (!["user", "assistant"].includes(node.role)) refuse(`has a message of unknown role “${node.role}”`);
    if (node.parent !== null && !conversation.nodes[node.parent]) refuse("has a message without its predecessor");
    // A circle of parents would never reach the root.
    let steps = 0;
    const count = Object.keys(conversation.nodes).length;
    for (let up = node; up; up = conversation.nodes[up.parent]) if (++steps > count) refuse("has a circle of messages");
  }
  if (conversation.leaf !== null && !conversation.nodes[conversation.leaf]) refuse("ends at a message that is missing");
}
