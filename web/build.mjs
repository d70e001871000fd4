// Bundles the page into one file that needs no network: dist/index.html. The same sources and lock file give the same bytes.
import { build } from "esbuild";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const output = process.argv[2] ?? join(here, "dist", "index.html");

const result = await build({
  entryPoints: [join(here, "src/main.jsx")],
  absWorkingDir: here,
  bundle: true,
  minify: true,
  write: false,
  format: "iife",
  target: "es2021",
  charset: "ascii",
  jsx: "automatic",
  jsxImportSource: "preact",
  legalComments: "none",
  logLevel: "warning",
  outdir: "unused",
});
const text = (ending) => result.outputFiles.find((file) => file.path.endsWith(ending)).text;

const template = await readFile(join(here, "index.html"), "utf8");
const page = template
  .replace("<!-- style -->", () => `<style>${text(".css")}</style>`)
  // A closing tag inside the script would end it.
  .replace("<!-- script -->", () => `<script>${text(".js").replaceAll("</script", "<\\/script")}</script>`);
await mkdir(dirname(output), { recursive: true });
await writeFile(output, page);
console.log(`${output}: ${page.length} bytes`);
