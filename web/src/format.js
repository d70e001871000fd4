// Numbers as people read them.
const units = (value, steps) => {
  for (const [limit, divisor, unit] of steps) if (value < limit) return `${short(value / divisor)} ${unit}`;
  const [, divisor, unit] = steps[steps.length - 1];
  return `${short(value / divisor)} ${unit}`;
};

export function short(value) {
  if (!Number.isFinite(value)) return "–";
  if (Math.abs(value) >= 1000) return Math.round(value).toLocaleString("en-US");
  if (Math.abs(value) >= 100) return value.toFixed(0);
  return String(Number(value.toPrecision(3)));
}

export const bytes = (value) => units(value, [[1024, 1, "B"], [1024 ** 2, 1024, "KiB"], [1024 ** 3, 1024 ** 2, "MiB"], [Infinity, 1024 ** 3, "GiB"]]);
export const seconds = (value) => units(value, [[1e-6, 1e-9, "ns"], [1e-3, 1e-6, "µs"], [1, 1e-3, "ms"], [Infinity, 1, "s"]]);
export const joules = (value) => units(value, [[1e-6, 1e-9, "nJ"], [1e-3, 1e-6, "µJ"], [1, 1e-3, "mJ"], [Infinity, 1, "J"]]);
export const perSecond = (value) => `${short(value)} tokens/s`;
export const percent = (part, whole) => (whole > 0 ? Math.min(100, (100 * part) / whole) : 0);
export const date = (iso) => new Date(iso).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
