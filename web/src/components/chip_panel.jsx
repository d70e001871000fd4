// The chip that this model would be: memories and their use, the floorplan, the model's digest. What the server does not
// know (it runs without --chip) is said, not guessed.
import { useEffect } from "preact/hooks";
import { bytes, joules, percent, perSecond, seconds, short } from "../format.js";
import { info, refreshInfo, settings } from "../state.js";

function Bar({ label, used, total, text }) {
  return (
    <div class="bar">
      <span>{label}</span>
      <div role="meter" aria-label={label} aria-valuemin="0" aria-valuemax={total} aria-valuenow={used}><i style={{ width: `${percent(used, total)}%` }} class={used > 0.9 * total ? "full" : ""} /></div>
      <small>{text}</small>
    </div>
  );
}

function Facts({ facts }) {
  return <dl class="facts">{facts.filter(([, value]) => value !== undefined && value !== null && value !== "").map(([name, value]) => <><dt>{name}</dt><dd>{value}</dd></>)}</dl>;
}

function Floorplan({ chip }) {
  const items = chip.floorplan ?? [];
  if (items.length === 0) return null;
  const width = Math.max(...items.map((item) => item.x + item.width));
  const height = Math.max(...items.map((item) => item.y + item.height));
  return (
    <svg class="floorplan" viewBox={`0 0 ${width} ${height}`} role="img" aria-label={`Floorplan of ${chip.name}, ${short(width)} by ${short(height)} mm`}>
      {items.map((item, index) => (
        <rect key={index} class={`kind-${item.kind}`} x={item.x} y={height - item.y - item.height} width={item.width} height={item.height}><title>{item.label ?? `${item.kind} ${item.index ?? ""}`}</title></rect>
      ))}
    </svg>
  );
}

export function ChipPanel() {
  const { model } = settings.value;
  useEffect(() => {
    refreshInfo();
    const timer = setInterval(refreshInfo, 2000);
    return () => clearInterval(timer);
  }, [model]);
  const facts = info.value;
  if (!facts?.digest) return <p class="quiet">The server says nothing about its cartridge.</p>;
  const { chip, kv, adapters_sram: sram, geometry = {} } = facts;
  return (
    <div class="chip">
      <Facts facts={[["Model", facts.model], ["Weights", geometry.weights && short(geometry.weights)], ["Layers", geometry.layers], ["Context", facts.context && `${short(facts.context)} tokens`],
        ["Cartridge", facts.cartridge_bytes && bytes(facts.cartridge_bytes)], ["Kernels", facts.kernels]]} />
      {kv?.bytes_total > 0 && <Bar label="KV memory" used={kv.bytes_used} total={kv.bytes_total} text={`${bytes(kv.bytes_used)} of ${bytes(kv.bytes_total)}`} />}
      {sram?.bytes_total > 0 && <Bar label="Adapter memory" used={sram.bytes_used} total={sram.bytes_total} text={`${bytes(sram.bytes_used)} of ${bytes(sram.bytes_total)}`} />}
      {chip
        ? <><h3>{chip.title ?? chip.name}</h3><Facts facts={[["One user", chip.tokens_per_s && perSecond(chip.tokens_per_s)], ["First token", chip.first_token_s && seconds(chip.first_token_s)],
          ["Energy a token", chip.energy_per_token_j && joules(chip.energy_per_token_j)], ["Users", chip.users], ["Area", chip.area_mm2 && `${short(chip.area_mm2)} mm²`], ["Power", chip.power_w && `${short(chip.power_w)} W`]]} /><Floorplan chip={chip} /></>
        : <p class="quiet">Started without --chip: the silicon's figures are not modelled.</p>}
      <h3>Mask set</h3>
      <p class="digest" title="SHA-256 of the cartridge: it names the masks that give these very tokens">{facts.digest}</p>
    </div>
  );
}
