// The token ids of a text as `burin eval` cuts it (whole text tokenized once, BOS before each piece of window - 1 tokens), for perplexity.mjs.
// The ids are llama.cpp's, which tests/peer/llama_cpp_greedy.mjs compares with ours.
//   PEER_FOLDER=/tmp/peer node bench/peer/token_chunks.mjs VOCABULARY.gguf TEXT BYTES WINDOW IDS.json
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const peer = process.env.PEER_FOLDER ?? "/tmp/peer";
const require = createRequire(pathToFileURL(`${peer}/package.json`));
const { getLlama } = await import(pathToFileURL(require.resolve("node-llama-cpp")));
const [path, textPath, bytes, window, output] = process.argv.slice(2);
const llama = await getLlama({ gpu: false, build: "never", maxThreads: 1, logLevel: "error" });
const model = await llama.loadModel({ modelPath: path });
const ids = model.tokenize(readFileSync(textPath).subarray(0, Number(bytes)).toString());
const chunks = [];
for (let i = 0; i < ids.length; i += window - 1) chunks.push([model.tokens.bos, ...ids.slice(i, i + Number(window) - 1)]);
writeFileSync(output, JSON.stringify({ tokens: ids.length, chunks }) + "\n");
process.exit(0);
