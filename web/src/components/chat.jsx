// The talk: messages from the root to the leaf, answers of two models side by side, and the composer below.
import { useEffect, useRef, useState } from "preact/hooks";
import { childrenOf, pathTo } from "../conversation.js";
import { bytes, percent, short } from "../format.js";
import { current, info, isRunning, models, revision, running, send, settings, stopAll } from "../state.js";
import { Message } from "./message.jsx";

// Rows of the talk. While a second model is chosen, its newest answer to a question stands beside the one on the path.
function rowsOf(conversation) {
  const path = pathTo(conversation);
  return path.map((node) => {
    if (node.role !== "assistant" || !settings.value.compareWith) return [node];
    const beside = childrenOf(conversation, node.parent).filter((other) => other.id !== node.id && other.model !== node.model);
    return beside.length > 0 ? [node, beside[beside.length - 1]].sort((a, b) => a.created.localeCompare(b.created)) : [node];
  });
}

// Tokens that the server counted with an answer; one that was stopped has no usage.
const tokensOf = ({ usage, timings }) => usage?.total_tokens ?? (timings ? timings.cache_n + timings.prompt_n + timings.predicted_n : 0);

// Tokens of context that the shown path takes.
function contextUse(conversation) {
  const counted = conversation ? pathTo(conversation).reverse().find(tokensOf) : null;
  const chosen = models.value.find(({ id }) => id === settings.value.model);
  const most = chosen?.max_model_len ?? info.value?.context;
  return { used: counted ? tokensOf(counted) : 0, most };
}

function ContextMeter() {
  revision.value;
  const { used, most } = contextUse(current.value);
  if (!most) return null;
  const text = `${short(used)} of ${short(most)} tokens of context`;
  return (
    <div class="meter" title={text}>
      <div role="meter" aria-label="Context used" aria-valuemin="0" aria-valuemax={most} aria-valuenow={used} aria-valuetext={text}><i style={{ width: `${percent(used, most)}%` }} class={used > 0.9 * most ? "full" : ""} /></div>
      <span>{text}</span>
    </div>
  );
}

function Composer() {
  const [text, setText] = useState("");
  const box = useRef();
  useEffect(() => {
    box.current.style.height = "auto";
    box.current.style.height = `${Math.min(box.current.scrollHeight, 240)}px`;
  }, [text]);
  const submit = () => {
    if (!text.trim() || isRunning.value || !settings.value.model) return;
    send(text);
    setText("");
  };
  const onKey = (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      submit();
    }
    if (event.key === "ArrowUp" && text === "") [...document.querySelectorAll(".message.user .edit")].pop()?.click();
  };
  return (
    <form class="composer" onSubmit={(event) => { event.preventDefault(); submit(); }}>
      <ContextMeter />
      <div class="entry">
        <textarea id="composer" ref={box} rows="1" aria-label="Message" placeholder="Write a message" title="Enter sends, Shift+Enter begins a new line" value={text}
          onInput={(event) => setText(event.target.value)} onKeyDown={onKey} autofocus />
        {isRunning.value
          ? <button type="button" class="primary" title="Esc" onClick={stopAll}>Stop</button>
          : <button type="submit" class="primary" disabled={!text.trim() || !settings.value.model}>Send</button>}
      </div>
    </form>
  );
}

function Welcome() {
  const silicon = info.value?.chip;
  const fact = silicon?.tokens_per_s ? `As a chip (${silicon.name}): ${short(silicon.tokens_per_s)} tokens/s for one user.` : "";
  return (
    <div class="welcome">
      <span class="mark large" aria-hidden="true" />
      <h1>{settings.value.model || "Burin"}</h1>
      <p>Every token comes from the integers that the engraved chip would compute, bit for bit.</p>
      <p class="quiet">{[info.value?.cartridge_bytes && `Cartridge of ${bytes(info.value.cartridge_bytes)}.`, fact].filter(Boolean).join(" ")}</p>
    </div>
  );
}

export function Chat() {
  const end = useRef();
  const list = useRef();
  revision.value;
  const conversation = current.value;
  const rows = conversation ? rowsOf(conversation) : [];
  // Follow the answer, unless the reader scrolled up.
  useEffect(() => {
    const { scrollTop, clientHeight, scrollHeight } = list.current;
    if (scrollHeight - scrollTop - clientHeight < 160) end.current.scrollIntoView({ block: "end" });
  });
  return (
    <>
      <div class="talk" ref={list} aria-live="off">
        {rows.length === 0 && <Welcome />}
        {rows.map((nodes) => (
          <div key={nodes[0].id} class={nodes.length > 1 ? "row pair" : "row"}>
            {nodes.map((node) => <Message key={node.id} conversation={conversation} node={node} progress={running.value[node.id]} paired={nodes.length > 1} />)}
          </div>
        ))}
        <div ref={end} />
      </div>
      <Composer />
    </>
  );
}
