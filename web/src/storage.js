// What the browser keeps: conversations, one entry each, and settings. A full or forbidden storage is told, never fatal.
const CONVERSATION = "burin.conversation.";
const SETTINGS = "burin.settings";

export function loadConversations() {
  const found = [];
  try {
    for (let i = 0; i < localStorage.length; ++i) {
      const key = localStorage.key(i);
      if (!key.startsWith(CONVERSATION)) continue;
      try {
        found.push(JSON.parse(localStorage.getItem(key)));
      } catch {
        // A damaged entry must not hide the others.
      }
    }
  } catch {
    // No storage at all (private window): the page works without.
  }
  return found.sort((a, b) => b.updated.localeCompare(a.updated));
}

// Returns an empty string, or why it could not be kept.
export function saveConversation(conversation) {
  return keep(CONVERSATION + conversation.id, conversation);
}

export function deleteConversation(id) {
  try {
    localStorage.removeItem(CONVERSATION + id);
  } catch {
    // Nothing is kept, nothing to remove.
  }
}

export function loadSettings(defaults) {
  try {
    return { ...defaults, ...JSON.parse(localStorage.getItem(SETTINGS) ?? "{}") };
  } catch {
    return { ...defaults };
  }
}

export const saveSettings = (settings) => keep(SETTINGS, settings);

function keep(key, value) {
  try {
    localStorage.setItem(key, JSON.stringify(value));
    return "";
  } catch (error) {
    return error.name === "QuotaExceededError"
      ? "The browser's storage is full: export and delete old conversations."
      : "The browser keeps nothing for this page: export what you want to keep.";
  }
}
