// The frame: conversations left, the talk in the middle, panels right; on a phone one at a time.
import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { connect, connected, current, isRunning, newConversation, notice, say, settings, stopAll } from "../state.js";
import { Chat } from "./chat.jsx";
import { ChipPanel } from "./chip_panel.jsx";
import { Inspector } from "./inspector.jsx";
import { ModelPicker } from "./model_picker.jsx";
import { SettingsPanel } from "./settings_panel.jsx";
import { Sidebar } from "./sidebar.jsx";

const sidebarOpen = signal(window.innerWidth > 900);
const panel = signal(""); // "", "settings", "chip", "inspector"
const panels = { settings: ["Settings", SettingsPanel], chip: ["Chip", ChipPanel], inspector: ["Requests", Inspector] };

function useTheme() {
  const { theme } = settings.value;
  useEffect(() => {
    if (theme === "auto") document.documentElement.removeAttribute("data-theme");
    else document.documentElement.dataset.theme = theme;
  }, [theme]);
}

function useKeys() {
  useEffect(() => {
    const onKey = (event) => {
      if (event.key === "Escape") {
        if (isRunning.value) stopAll();
        else panel.value = "";
      }
      if ((event.ctrlKey || event.metaKey) && event.shiftKey && event.key.toLowerCase() === "o") {
        event.preventDefault();
        newConversation();
        document.getElementById("composer")?.focus();
      }
    };
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, []);
}

function Notice() {
  if (!notice.value) return null;
  return (
    <div class="notice" role="alert">
      <span>{notice.value}</span>
      {connected.value === "failed" && <button type="button" onClick={connect}>Try again</button>}
      {connected.value === "failed" && <button type="button" onClick={() => (panel.value = "settings")}>API key</button>}
      <button type="button" aria-label="Close this message" onClick={() => say("")}>×</button>
    </div>
  );
}

export function App() {
  useTheme();
  useKeys();
  const [title, Panel] = panels[panel.value] ?? [];
  return (
    <div class={`frame ${sidebarOpen.value ? "with-sidebar" : ""} ${Panel ? "with-panel" : ""}`}>
      {sidebarOpen.value && <Sidebar close={() => (sidebarOpen.value = false)} />}
      <main>
        <header>
          <button type="button" class="icon" aria-label="Conversations" aria-expanded={sidebarOpen.value} onClick={() => (sidebarOpen.value = !sidebarOpen.value)}>☰</button>
          <ModelPicker />
          <nav>
            {Object.entries(panels).map(([name, [label]]) => (
              <button key={name} type="button" aria-pressed={panel.value === name} onClick={() => (panel.value = panel.value === name ? "" : name)}>{label}</button>
            ))}
          </nav>
        </header>
        <Notice />
        <Chat key={current.value?.id ?? "new"} />
      </main>
      {Panel && (
        <aside class="panel" key={title} aria-label={title}>
          <div class="panel-head"><h2>{title}</h2><button type="button" class="icon" aria-label={`Close ${title}`} onClick={() => (panel.value = "")}>×</button></div>
          <Panel />
        </aside>
      )}
    </div>
  );
}
