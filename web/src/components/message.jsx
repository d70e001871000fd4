// One message with what can be done to it.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { childrenOf, siblingsOf } from "../conversation.js";
import { joules, perSecond, seconds, short } from "../format.js";
import { renderMarkdown } from "../markdown.js";
import { continueAnswer, edit, isRunning, regenerate, removeBranch, say, showBranch, stop } from "../state.js";

async function copy(text, button) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    say("The browser does not let this page write to the clipboard.");
    return;
  }
  if (!button) return;
  const label = button.textContent;
  button.textContent = "Copied";
  setTimeout(() => (button.textContent = label), 1200);
}

const onCopyCode = (event) => {
  const button = event.target.closest(".copy-code");
  if (button) copy(button.closest(".code").querySelector("code").textContent, button);
};

function Branches({ conversation, node }) {
  const all = siblingsOf(conversation, node);
  if (all.length < 2) return null;
  const at = all.findIndex(({ id }) => id === node.id);
  const go = (step) => showBranch(conversation, all[at + step]);
  return (
    <span class="branches">
      <button type="button" aria-label="Previous version" disabled={at === 0 || isRunning.value} onClick={() => go(-1)}>‹</button>
      {at + 1}/{all.length}
      <button type="button" aria-label="Next version" disabled={at === all.length - 1 || isRunning.value} onClick={() => go(1)}>›</button>
    </span>
  );
}

// Colours each token by its probability; the alternatives stand in the tooltip.
function Tokens({ logprobs }) {
  return (
    <div class="tokens">
      {logprobs.map((entry, index) => {
        const p = Math.exp(entry.logprob);
        const others = entry.top_logprobs.map((other) => `${JSON.stringify(other.token)} ${(100 * Math.exp(other.logprob)).toFixed(1)} %`).join("\n");
        return <span key={index} style={{ "--p": p }} title={others}>{entry.token}</span>;
      })}
    </div>
  );
}

// Tokens a second of the emulator: as the server measured them, else as they came here.
function emulatedSpeed(timings, progress) {
  if (timings?.predicted_per_second) return timings.predicted_per_second;
  const elapsed = progress?.first ? (performance.now() - progress.first) / 1000 : 0;
  return progress?.tokens > 1 && elapsed > 0 ? (progress.tokens - 1) / elapsed : 0;
}

// Speed of the emulator, and what the silicon would have taken; while the answer is written, too.
function Speed({ node, progress }) {
  const parts = [];
  const { timings } = node;
  const emulated = emulatedSpeed(timings, progress);
  const tokens = timings?.predicted_n ?? node.usage?.completion_tokens ?? progress?.tokens;
  if (tokens) parts.push(`${short(tokens)} tokens`);
  if (emulated) parts.push(`emulated ${perSecond(emulated)}`);
  else if (progress) parts.push("waiting");
  const silicon = timings?.silicon;
  if (silicon?.tokens_per_s) parts.push(`silicon ${perSecond(silicon.tokens_per_s)}`);
  if (!progress) {
    if (silicon?.first_token_s) parts.push(`first token ${seconds(silicon.first_token_s)}`);
    if (silicon?.energy_j) parts.push(joules(silicon.energy_j));
  }
  if (node.finish === "length") parts.push("cut at the limit of tokens");
  if (node.finish === "stopped") parts.push("stopped");
  return parts.length > 0 ? <span class="speed">{parts.join(" · ")}</span> : null;
}

function Editor({ node, done, save }) {
  const [text, setText] = useState(node.content);
  const box = useRef();
  useEffect(() => box.current.focus(), []);
  const onKey = (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      save(text);
    }
    if (event.key === "Escape") {
      event.stopPropagation();
      done();
    }
  };
  return (
    <div class="editor">
      <textarea ref={box} aria-label="Edit message" value={text} rows={Math.min(12, text.split("\n").length + 1)} onInput={(event) => setText(event.target.value)} onKeyDown={onKey} />
      <button type="button" class="primary" disabled={!text.trim()} onClick={() => save(text)}>Send</button>
      <button type="button" onClick={done}>Cancel</button>
    </div>
  );
}

function UserActions({ conversation, node, startEdit }) {
  return (
    <div class="actions">
      <Branches conversation={conversation} node={node} />
      <button type="button" class="edit" disabled={isRunning.value} onClick={startEdit}>Edit</button>
      <button type="button" onClick={(event) => copy(node.content, event.currentTarget)}>Copy</button>
    </div>
  );
}

function AnswerActions({ conversation, node, progress, paired, showTokens, setShowTokens }) {
  if (progress) return <div class="actions"><button type="button" onClick={() => stop(node.id)}>Stop</button><Speed node={node} progress={progress} /></div>;
  const busy = isRunning.value;
  const last = childrenOf(conversation, node.id).length === 0;
  const canContinue = last && node.content !== "" && (node.finish === "length" || node.finish === "stopped");
  return (
    <div class="actions">
      {!paired && <Branches conversation={conversation} node={node} />}
      {paired && conversation.leaf !== node.id && last && <button type="button" disabled={busy} onClick={() => showBranch(conversation, node)}>Go on from here</button>}
      <button type="button" disabled={busy} onClick={() => regenerate(conversation, node)}>Regenerate</button>
      {canContinue && <button type="button" disabled={busy} onClick={() => continueAnswer(conversation, node)}>Continue</button>}
      <button type="button" onClick={(event) => copy(node.content, event.currentTarget)}>Copy</button>
      {node.logprobs?.length > 0 && <button type="button" aria-pressed={showTokens} onClick={() => setShowTokens(!showTokens)}>Tokens</button>}
      <button type="button" disabled={busy} onClick={() => removeBranch(conversation, node)}>Delete</button>
      <Speed node={node} />
    </div>
  );
}

export function Message({ conversation, node, progress, paired }) {
  const [editing, setEditing] = useState(false);
  const [showTokens, setShowTokens] = useState(false);
  const html = useMemo(() => (node.role === "assistant" ? renderMarkdown(node.content) : ""), [node.content, node.role]);
  if (editing) {
    const save = (text) => {
      setEditing(false);
      if (text.trim()) edit(conversation, node, text);
    };
    return <article class="message user"><Editor node={node} done={() => setEditing(false)} save={save} /></article>;
  }
  if (node.role === "user") {
    return <article class="message user"><div class="text">{node.content}</div><UserActions conversation={conversation} node={node} startEdit={() => setEditing(true)} /></article>;
  }
  return (
    <article class="message assistant" aria-busy={Boolean(progress)}>
      <div class="who">{node.model}</div>
      {showTokens && node.logprobs?.length > 0
        ? <Tokens logprobs={node.logprobs} />
        : <div class="text markdown" onClick={onCopyCode} dangerouslySetInnerHTML={{ __html: html }} />}
      {progress && node.content === "" && <span class="dots" aria-label="The model is reading">•••</span>}
      {node.error && <p class="error" role="alert">{node.error}</p>}
      <AnswerActions {...{ conversation, node, progress, paired, showTokens, setShowTokens }} />
    </article>
  );
}
