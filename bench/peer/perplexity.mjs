// Perplexity of a GGUF under llama.cpp (npm: node-llama-cpp) on given token ids: each chunk starts fresh and every token after its first is
// predicted, as `burin eval` does. IDS.json: {"chunks": [[id, ...], ...]}.
//   PEER_FOLDER=/tmp/peer node bench/peer/perplexity.mjs MODEL.gguf IDS.json
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const peer = process.env.PEER_FOLDER ?? "/tmp/peer";
const require = createRequire(pathToFileURL(`${peer}/package.json`));
const { getLlama } = await import(pathToFileURL(require.resolve("node-llama-cpp")));
const [path, idsPath] = process.argv.slice(2);
const { chunks } = JSON.parse(readFileSync(idsPath, "utf8"));

const llama = await getLlama({ gpu: false, build: "never", maxThreads: 1, logLevel: "error" });
const model = await llama.loadModel({ modelPath: path });
const context = await model.createContext({ contextSize: Math.max(...chunks.map((c) => c.length)) + 8 });
const sequence = context.getSequence();
let sum = 0, count = 0;
for (const chunk of chunks) {
  await sequence.clearHistory();
  const wanted = chunk.slice(0, -1).map((id) => [id, { generateNext: { probabilities: true } }]);
  const answers = await sequence.controlledEvaluate(wanted);
  for (let i = 0; i + 1 < chunk.length; ++i) {
    const p = answers[i].next.probabilities.get(chunk[i + 1]) ?? 1e-12;
    sum -= Math.log(p);
    ++count;
  }
}
console.log(JSON.stringify({ model: path, predicted: count, nll: sum / count, perplexity: Math.exp(sum / count) }));
process.exit(0);
