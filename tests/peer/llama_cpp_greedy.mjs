// A foreign judge of the float reference: llama.cpp (npm: node-llama-cpp) must give the same token ids and the same greedy text on a GGUF.
//   PEER_FOLDER=build/peer node tests/peer/llama_cpp_greedy.mjs BURIN MODEL.gguf TOKENS PROMPT...
import { execFileSync } from "node:child_process";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const require = createRequire(pathToFileURL(`${process.env.PEER_FOLDER}/package.json`));
const { getLlama } = await import(pathToFileURL(require.resolve("node-llama-cpp")));
const [burin, path, count, ...prompts] = process.argv.slice(2);

const llama = await getLlama({ gpu: false, build: "never", maxThreads: 1, logLevel: "error" });
const model = await llama.loadModel({ modelPath: path });
const context = await model.createContext({ contextSize: 512 });
const sequence = context.getSequence();
let passed = 0, failed = 0;
const expectSame = (what, theirs, ours) => {
  const at = theirs.findIndex((id, i) => id !== ours[i]);
  if (at < 0 && theirs.length === ours.length) return void ++passed;
  ++failed;
  console.log(`${what} differ at ${at}: llama.cpp ${theirs.slice(Math.max(0, at - 2), at + 3)}, burin ${ours.slice(Math.max(0, at - 2), at + 3)}`);
};
for (const prompt of prompts) {
  const json = execFileSync(burin, ["run", path, "--reference", "-p", prompt, "-n", count, "--temperature", "0", "--json", "-"]);
  const ours = JSON.parse(json);
  const ids = model.tokenize(prompt);
  if (model.tokens.shouldPrependBosToken) ids.unshift(model.tokens.bos);
  expectSame(`ids of '${prompt}'`, ids, ours.prompt_ids);
  await sequence.clearHistory();
  const text = [];
  for await (const token of sequence.evaluate(ids, { temperature: 0, yieldEogToken: true })) {
    text.push(token);
    if (text.length >= Number(count)) break;
  }
  expectSame(`greedy ids after '${prompt}'`, text, ours.ids);
}
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);
