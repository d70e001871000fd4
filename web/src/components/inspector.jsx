// What went over the wire: the last requests, and each chunk that came back.
import { useState } from "preact/hooks";
import { date } from "../format.js";
import { exchanges, revision } from "../state.js";

const shownChunks = 200;

export function Inspector() {
  const [open, setOpen] = useState(0);
  revision.value;
  if (exchanges.value.length === 0) return <p class="quiet">Requests of this page appear here, with every chunk of the answers.</p>;
  const exchange = exchanges.value[open] ?? exchanges.value[0];
  const chunks = exchange.chunks.slice(-shownChunks);
  return (
    <div class="inspector">
      <select aria-label="Request" value={open} onChange={(event) => setOpen(Number(event.target.value))}>
        {exchanges.value.map((entry, index) => <option key={`${entry.id}${entry.time}`} value={index}>{`${date(entry.time)} · ${entry.body.model} · ${entry.status}`}</option>)}
      </select>
      {exchange.requestId && <p class="quiet">request {exchange.requestId}</p>}
      <h3>POST /v1/chat/completions</h3>
      <pre>{JSON.stringify(exchange.body, null, 2)}</pre>
      <h3>{exchange.chunks.length} chunks{exchange.chunks.length > shownChunks ? `, the last ${shownChunks}` : ""}</h3>
      <pre>{chunks.map((chunk) => JSON.stringify(chunk)).join("\n")}</pre>
    </div>
  );
}
