import { useRef } from "preact/hooks";
import { exportConversations } from "../conversation.js";
import { date } from "../format.js";
import {
  conversations, currentId, importAll, newConversation, openConversation, removeConversation, renameConversation, revision, say,
} from "../state.js";

function download(name, text) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

function Entry({ conversation, onOpen }) {
  const title = conversation.title || "New conversation";
  const rename = () => {
    const given = prompt("Name of the conversation", title);
    if (given?.trim()) renameConversation(conversation, given.trim());
  };
  const remove = () => {
    if (confirm(`Delete “${title}”?`)) removeConversation(conversation.id);
  };
  return (
    <li class={conversation.id === currentId.value ? "chosen" : ""}>
      <button type="button" class="open" title={date(conversation.updated)} aria-current={conversation.id === currentId.value} onClick={onOpen}>{title}</button>
      <button type="button" class="icon" aria-label={`Rename ${title}`} onClick={rename}>✎</button>
      <button type="button" class="icon" aria-label={`Delete ${title}`} onClick={remove}>×</button>
    </li>
  );
}

export function Sidebar({ close }) {
  const picker = useRef();
  revision.value; // titles change inside the conversations
  const narrow = () => window.innerWidth <= 900 && close();
  const open = (id) => {
    openConversation(id);
    narrow();
  };
  const takeFile = async (event) => {
    const [file] = event.target.files;
    event.target.value = "";
    if (!file) return;
    try {
      const count = importAll(await file.text());
      say(`Imported ${count} conversation${count === 1 ? "" : "s"}.`);
    } catch (error) {
      say(error.message);
    }
  };
  return (
    <aside class="sidebar" aria-label="Conversations">
      <div class="brand"><span class="mark" aria-hidden="true" />Burin<button type="button" class="icon only-narrow" aria-label="Close" onClick={close}>×</button></div>
      <button type="button" class="primary" title="Ctrl+Shift+O" onClick={() => { newConversation(); narrow(); }}>New conversation</button>
      <ul>
        {conversations.value.map((conversation) => (
          <Entry key={conversation.id} conversation={conversation} onOpen={() => open(conversation.id)} />
        ))}
      </ul>
      <footer>
        <button type="button" onClick={() => download("burin-conversations.json", exportConversations(conversations.value))} disabled={conversations.value.length === 0}>Export all</button>
        <button type="button" onClick={() => picker.current.click()}>Import</button>
        <input ref={picker} type="file" accept="application/json,.json" hidden onChange={takeFile} />
      </footer>
    </aside>
  );
}
