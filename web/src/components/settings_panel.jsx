import { changeSampler, changeSettings, connect, samplerDefaults, settings } from "../state.js";

const fields = [
  ["temperature", "Temperature", 0, 2, 0.05, "0: always the likeliest token"],
  ["top_p", "Top-p", 0, 1, 0.01, "the fewest likeliest tokens that hold this share"],
  ["top_k", "Top-k", 0, 1000, 1, "the k likeliest tokens; 0: all"],
  ["min_p", "Min-p", 0, 1, 0.01, "share of the likeliest token's probability"],
  ["repetition_penalty", "Repetition penalty", 0.5, 2, 0.05, "1: none"],
  ["seed", "Seed", 0, 4294967295, 1, "the same seed draws the same text on any machine"],
  ["max_tokens", "Tokens at most", 1, 131072, 1, "of one answer"],
];

function NumberField({ name, label, min, max, step, hint }) {
  const value = settings.value.sampler[name];
  const change = (event) => {
    const text = event.target.value;
    const number = Number(text);
    if (text === "") changeSampler({ [name]: null });
    else if (Number.isFinite(number)) changeSampler({ [name]: Math.min(max, Math.max(min, number)) });
  };
  return (
    <label class="field">
      <span>{label}</span>
      <input type="number" inputMode="decimal" min={min} max={max} step={step} placeholder="model's own" value={value ?? ""} onChange={change} />
      <small>{hint}</small>
    </label>
  );
}

export function SettingsPanel() {
  const { system, key, theme, logprobs } = settings.value;
  return (
    <form class="settings" onSubmit={(event) => event.preventDefault()}>
      <label class="field"><span>System prompt</span>
        <textarea rows="4" value={system} placeholder="none" onInput={(event) => changeSettings({ system: event.target.value })} /></label>
      <h3>Sampling</h3>
      {fields.map(([name, label, min, max, step, hint]) => <NumberField key={name} {...{ name, label, min, max, step, hint }} />)}
      <button type="button" onClick={() => changeSettings({ sampler: samplerDefaults })}>Reset sampling</button>
      <h3>Page</h3>
      <label class="check"><input type="checkbox" checked={logprobs} onChange={(event) => changeSettings({ logprobs: event.target.checked })} /> Ask for the probabilities of tokens</label>
      <label class="field"><span>Colours</span>
        <select value={theme} onChange={(event) => changeSettings({ theme: event.target.value })}>
          <option value="auto">as the system</option><option value="light">light</option><option value="dark">dark</option>
        </select></label>
      <label class="field"><span>API key</span>
        <input type="password" autocomplete="off" value={key} placeholder="none" onChange={(event) => { changeSettings({ key: event.target.value }); connect(); }} />
        <small>Kept in this browser, sent to this server only.</small></label>
      <h3>Keys</h3>
      <dl class="keys"><dt>Enter</dt><dd>send</dd><dt>Shift+Enter</dt><dd>new line</dd><dt>↑ in an empty box</dt><dd>edit the last message</dd><dt>Esc</dt><dd>stop</dd><dt>Ctrl+Shift+O</dt><dd>new conversation</dd></dl>
    </form>
  );
}
