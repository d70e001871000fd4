// Base model and adapters are models to the API; a second one answers side by side.
import { changeSettings, connected, models, settings } from "../state.js";

const label = (model) => (model.parent ? `${model.id} (adapter of ${model.parent})` : model.id);

export function ModelPicker() {
  if (connected.value === "loading") return <span class="quiet">connecting…</span>;
  const options = (without) => models.value.filter(({ id }) => id !== without).map((model) => <option key={model.id} value={model.id}>{label(model)}</option>);
  return (
    <div class="models">
      <select aria-label="Model or adapter" value={settings.value.model} onChange={(event) => {
        const model = event.target.value;
        changeSettings(model === settings.value.compareWith ? { model, compareWith: "" } : { model });
      }}>{options()}</select>
      {models.value.length > 1 && (
        <select aria-label="Second model, side by side" class="second" value={settings.value.compareWith} onChange={(event) => changeSettings({ compareWith: event.target.value })}>
          <option value="">alone</option>
          {options(settings.value.model)}
        </select>
      )}
    </div>
  );
}
