// Times llama.cpp (npm: node-llama-cpp, a current prebuilt one) on a GGUF file: decode and prefill tokens/s, medians, as JSON.
//   npm install --prefix /tmp/peer node-llama-cpp
//   NODE_PATH=... node bench/peer/llama_cpp.mjs MODEL.gguf [threads 2] [prompt 512] [decode 32] [rounds 3]
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const peer = process.env.PEER_FOLDER ?? "/tmp/peer";
const require = createRequire(pathToFileURL(`${peer}/package.json`));
const { getLlama } = await import(pathToFileURL(require.resolve("node-llama-cpp")));
const [path, threads = 2, prompt = 512, decode = 32, rounds = 3] = process.argv.slice(2).map((v, i) => (i ? Number(v) : v));

const llama = await getLlama({ gpu: false, build: "never", maxThreads: threads, logLevel: "error" });
const model = await llama.loadModel({ modelPath: path, useMmap: true });
const context = await model.createContext({ contextSize: prompt + decode + 16, batchSize: prompt, threads: { ideal: threads, min: threads } });
const sequence = context.getSequence();
const ids = Array.from({ length: prompt }, (_, i) => 10 + ((i * 7919) % 400));
const now = () => performance.now() / 1000;
const prefill = [], decoded = [];
for (let round = 0; round <= rounds; ++round) {
  await sequence.clearHistory();
  const start = now();
  await sequence.evaluateWithoutGeneratingNewTokens(ids);
  const middle = now();
  let n = 0;
  for await (const token of sequence.evaluate([10], { temperature: 0, yieldEogToken: true })) {
    if (token === undefined || ++n >= decode) break;
  }
  const end = now();
  if (round === 0) continue; // the first round reads the file
  prefill.push(prompt / (middle - start));
  decoded.push(n / (end - middle));
}
const median = (v) => v.sort((a, b) => a - b)[v.length >> 1];
console.log(JSON.stringify({ peer: "llama.cpp through node-llama-cpp", cpu: llama.cpuMathCores, threads, prompt, decode, prefill_tokens_per_s: median(prefill), decode_tokens_per_s: median(decoded) }));
await model.dispose();
process.exit(0);
