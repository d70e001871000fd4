// The official `openai` client against a running server. usage: node conformance.mjs URL TOOLS_URL MODULES REPORT
// TOOLS_URL is a server whose chat template knows tools and writes <tool_call>{...}</tool_call>.
// MODULES is the folder with node_modules (package.json beside this file says what). Every response and chunk is checked
// against the JSON schema made from that client's own published types. Writes a table of what was checked to REPORT.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import assert from "node:assert/strict";

const [url, toolsUrl, modules, report] = process.argv.slice(2);
const require = createRequire(join(modules, "package.json"));
const OpenAI = require("openai");
const Ajv = require("ajv");

const clientOf = (server) => new OpenAI({ baseURL: `${server}/v1`, apiKey: "none", maxRetries: 0, timeout: 60_000 });
const client = clientOf(url);
const toolClient = clientOf(toolsUrl);
const types = { ChatCompletion: "chat/completions/completions", ChatCompletionChunk: "chat/completions/completions", Completion: "completions", Model: "models" };

// JSON schemas of the client's types; made once, for it takes some seconds.
async function schemas() {
  const path = join(modules, "schemas.json");
  if (existsSync(path)) return JSON.parse(readFileSync(path, "utf8"));
  const { createGenerator } = await import(require.resolve("ts-json-schema-generator"));
  const made = {};
  for (const [type, file] of Object.entries(types)) {
    const source = join(modules, "node_modules/openai/resources", `${file}.d.ts`);
    made[type] = createGenerator({ path: source, type, skipTypeCheck: true, additionalProperties: true }).createSchema(type);
  }
  writeFileSync(path, JSON.stringify(made));
  return made;
}

const ajv = new Ajv({ strict: false, allErrors: true });
const validators = {};
for (const [type, schema] of Object.entries(await schemas())) validators[type] = ajv.compile(schema);

const counted = {};
function valid(type, value) {
  const plain = JSON.parse(JSON.stringify(value));
  assert.ok(validators[type](plain), `${type}: ${ajv.errorsText(validators[type].errors)}\n${JSON.stringify(plain).slice(0, 600)}`);
  counted[type] = (counted[type] ?? 0) + 1;
  return value;
}

const user = (content) => [{ role: "user", content }];
const ask = { model: "hearth", messages: user("set an alarm for half past ten in the morning, please"), temperature: 0, max_tokens: 64 };

async function collect(stream) {
  const chunks = [];
  for await (const chunk of stream) chunks.push(valid("ChatCompletionChunk", chunk));
  return chunks;
}

async function refused(promise, status, param) {
  await assert.rejects(promise, (error) => {
    assert.equal(error.status, status, error.message);
    assert.ok(error.message.length > 10 && typeof error.type === "string");
    if (param !== undefined) assert.equal(error.param, param);
    return true;
  });
}

const checks = [];
const check = (area, what, run) => checks.push({ area, what, run });

check("models", "list and retrieve", async () => {
  const list = await client.models.list();
  for (const model of list.data) valid("Model", model);
  assert.equal((await client.models.retrieve("hearth")).id, "hearth");
  await refused(client.models.retrieve("none"), 404, "model");
});

check("chat", "a whole answer, with usage", async () => {
  const answer = valid("ChatCompletion", await client.chat.completions.create(ask));
  assert.deepEqual(JSON.parse(answer.choices[0].message.content), { device: "alarm", action: "set", at: "10:30" });
  assert.equal(answer.choices[0].finish_reason, "stop");
  assert.equal(answer.usage.total_tokens, answer.usage.prompt_tokens + answer.usage.completion_tokens);
});

check("chat", "a stream joins to the whole answer; one id; role first; finish_reason null but in the last", async () => {
  const whole = await client.chat.completions.create({ ...ask, seed: 4, temperature: 1 });
  const chunks = await collect(await client.chat.completions.create({ ...ask, seed: 4, temperature: 1, stream: true }));
  assert.equal(new Set(chunks.map((chunk) => chunk.id)).size, 1);
  assert.equal(chunks[0].choices[0].delta.role, "assistant");
  assert.ok(chunks.slice(0, -1).every((chunk) => chunk.choices[0].finish_reason === null));
  assert.equal(chunks.at(-1).choices[0].finish_reason, whole.choices[0].finish_reason);
  assert.equal(chunks.map((chunk) => chunk.choices[0].delta.content ?? "").join(""), whole.choices[0].message.content);
});

check("chat", "stream_options.include_usage: a last chunk without choices", async () => {
  const chunks = await collect(await client.chat.completions.create({ ...ask, stream: true, stream_options: { include_usage: true } }));
  assert.deepEqual(chunks.at(-1).choices, []);
  assert.ok(chunks.at(-1).usage.completion_tokens > 5);
  assert.ok(chunks.slice(0, -1).every((chunk) => chunk.usage === null));
});

check("chat", "n choices from one seed, equal again", async () => {
  const body = { ...ask, temperature: 1.5, n: 4, seed: 11 };
  const [first, second] = [valid("ChatCompletion", await client.chat.completions.create(body)), await client.chat.completions.create(body)];
  assert.equal(first.choices.length, 4);
  assert.deepEqual(first.choices, second.choices);
  assert.equal(first.system_fingerprint, second.system_fingerprint);
});

check("chat", "logprobs and top_logprobs", async () => {
  const answer = valid("ChatCompletion", await client.chat.completions.create({ ...ask, logprobs: true, top_logprobs: 3 }));
  const content = answer.choices[0].logprobs.content;
  assert.equal(content.map((token) => token.token).join(""), answer.choices[0].message.content);
  for (const token of content) {
    assert.equal(token.top_logprobs.length, 3);
    assert.ok(token.logprob <= 0 && token.top_logprobs[0].logprob >= token.top_logprobs[2].logprob);
    assert.equal(token.top_logprobs[0].token, token.token); // greedy
  }
});

check("chat", "stop, max_tokens, logit_bias", async () => {
  const stopped = await client.chat.completions.create({ ...ask, stop: ["\"action\""] });
  assert.equal(stopped.choices[0].message.content, "{\"device\":\"alarm\",");
  assert.equal(stopped.choices[0].finish_reason, "stop");
  const short = await client.chat.completions.create({ ...ask, max_completion_tokens: 3 });
  assert.equal(short.choices[0].finish_reason, "length");
  assert.equal(short.usage.completion_tokens, 3);
  const banned = await client.chat.completions.create({ ...ask, logit_bias: Object.fromEntries(Array.from({ length: 100 }, (_, id) => [id, -100])) });
  valid("ChatCompletion", banned);
});

check("chat", "system, developer and earlier turns; content as parts", async () => {
  const messages = [{ role: "system", content: "be short" }, ...user("hello"), { role: "assistant", content: "hi" },
    { role: "user", content: [{ type: "text", text: "turn the " }, { type: "text", text: "cellar speaker on" }] }];
  valid("ChatCompletion", await client.chat.completions.create({ ...ask, messages }));
});

check("chat", "response_format json_schema: the answer obeys it", async () => {
  const schema = { type: "object", properties: { room: { enum: ["kitchen", "cellar"] }, count: { type: "integer", minimum: 0, maximum: 99 }, tags: { type: "array", items: { type: "string", maxLength: 4 }, maxItems: 2 } },
    required: ["room", "count", "tags"], additionalProperties: false };
  const obeys = new Ajv().compile(schema);
  for (const temperature of [0, 1, 2]) {
    const answer = valid("ChatCompletion", await client.chat.completions.create({ ...ask, temperature, seed: 1, max_tokens: 300,
      response_format: { type: "json_schema", json_schema: { name: "thing", strict: true, schema } } }));
    assert.equal(answer.choices[0].finish_reason, "stop");
    assert.ok(obeys(JSON.parse(answer.choices[0].message.content)), answer.choices[0].message.content);
  }
  await refused(client.chat.completions.create({ ...ask, response_format: { type: "json_schema", json_schema: { name: "x", schema: { type: "nothing" } } } }), 400);
});

check("chat", "response_format json_object", async () => {
  const answer = await client.chat.completions.create({ ...ask, response_format: { type: "json_object" } });
  assert.equal(typeof JSON.parse(answer.choices[0].message.content), "object");
});

const tools = [{ type: "function", function: { name: "set_light", description: "Sets a light", parameters: { type: "object", properties: { room: { type: "string", enum: ["kitchen", "hall"] }, on: { type: "boolean" } }, required: ["room", "on"], additionalProperties: false } } },
  { type: "function", function: { name: "ask_time", parameters: { type: "object", properties: {}, additionalProperties: false } } }];

check("tools", "a named function: arguments obey its parameters", async () => {
  const answer = valid("ChatCompletion", await client.chat.completions.create({ ...ask, max_tokens: 200, tools, tool_choice: { type: "function", function: { name: "set_light" } } }));
  const [call] = answer.choices[0].message.tool_calls;
  assert.equal(call.function.name, "set_light");
  const argument = JSON.parse(call.function.arguments);
  assert.ok(["kitchen", "hall"].includes(argument.room) && typeof argument.on === "boolean");
  assert.equal(answer.choices[0].finish_reason, "tool_calls");
  assert.equal(answer.choices[0].message.content, null);
});

check("tools", "required, as a stream: index, id, type and name first, then arguments", async () => {
  const chunks = await collect(await client.chat.completions.create({ ...ask, max_tokens: 200, tools, tool_choice: "required", stream: true }));
  const deltas = chunks.flatMap((chunk) => chunk.choices[0].delta.tool_calls ?? []);
  assert.ok(deltas.every((delta) => delta.index === 0));
  assert.ok(deltas[0].id && deltas[0].type === "function" && ["set_light", "ask_time"].includes(deltas[0].function.name));
  assert.ok(deltas.slice(1).every((delta) => delta.id === undefined && delta.function.name === undefined));
  assert.equal(typeof JSON.parse(deltas.map((delta) => delta.function.arguments).join("")), "object");
  assert.equal(chunks.at(-1).choices[0].finish_reason, "tool_calls");
});

check("tools", "auto on a template without tools is refused by name; tool results need a template that knows them", async () => {
  await refused(client.chat.completions.create({ ...ask, tools }), 400, "tools");
});

// The bundled model makes no calls of its own: a grammar (llama.cpp's field) says what it writes. What is tested is what
// becomes of such a text.
const saying = (text) => ({ ...ask, max_tokens: 300, tools, tool_choice: "auto", grammar: `root ::= ${JSON.stringify(text)}` });
const callText = (name, args) => `<tool_call>{"name": "${name}", "arguments": ${args}}</tool_call>`;
const light = '{"room": "hall", "on": true}';

check("tools", "auto: text, then two calls in the model's own syntax, whole", async () => {
  const text = `I will.\n${callText("set_light", light)}\n${callText("ask_time", "{}")}`;
  const { message, finish_reason } = valid("ChatCompletion", await toolClient.chat.completions.create(saying(text))).choices[0];
  assert.equal(finish_reason, "tool_calls");
  assert.equal(message.content.trim(), "I will.");
  assert.deepEqual(message.tool_calls.map((call) => [call.type, call.function.name, call.function.arguments]), [["function", "set_light", light], ["function", "ask_time", "{}"]]);
  assert.equal(new Set(message.tool_calls.map((call) => call.id)).size, 2);
});

check("tools", "auto, as a stream: content, then of each call id, type and name first, then pieces of arguments", async () => {
  const text = `I will.\n${callText("set_light", light)}\n${callText("ask_time", "{}")}`;
  const chunks = await collect(await toolClient.chat.completions.create({ ...saying(text), stream: true }));
  const calls = [];
  let content = "";
  for (const { delta } of chunks.map((chunk) => chunk.choices[0])) {
    content += delta.content ?? "";
    if (delta.content?.trim()) assert.equal(calls.length, 0, "content behind a call");
    for (const piece of delta.tool_calls ?? []) {
      if (piece.index === calls.length) {
        assert.ok(piece.id && piece.type === "function" && piece.function.name);
        calls.push({ name: piece.function.name, arguments: "" });
      } else {
        assert.equal(piece.index, calls.length - 1);
        assert.ok(piece.id === undefined && piece.function.name === undefined);
      }
      calls[piece.index].arguments += piece.function.arguments;
    }
  }
  assert.equal(content.trim(), "I will.");
  assert.deepEqual(calls, [{ name: "set_light", arguments: light }, { name: "ask_time", arguments: "{}" }]);
  assert.ok(chunks.slice(0, -1).every((chunk) => chunk.choices[0].finish_reason === null));
  assert.equal(chunks.at(-1).choices[0].finish_reason, "tool_calls");
});

check("tools", "auto, as the client's own helper collects it", async () => {
  const stream = toolClient.chat.completions.stream(saying(callText("set_light", light)));
  const message = await stream.finalMessage();
  assert.deepEqual(JSON.parse(message.tool_calls[0].function.arguments), { room: "hall", on: true });
});

check("tools", "auto: what is no call in the end is text, and nothing is lost", async () => {
  const text = '<tool_call>{"name": "set_light", "arg</tool_call> or not';
  const { message, finish_reason } = (await toolClient.chat.completions.create(saying(text))).choices[0];
  assert.equal(message.content, text);
  assert.equal(message.tool_calls, undefined);
  assert.equal(finish_reason, "stop");
});

check("tools", "auto: the model may answer without a call; tool_choice none", async () => {
  const free = valid("ChatCompletion", await toolClient.chat.completions.create({ ...ask, tools }));
  assert.equal(free.choices[0].finish_reason, "stop");
  assert.ok(free.choices[0].message.content.length > 0);
  const text = callText("ask_time", "{}");
  const none = await toolClient.chat.completions.create({ ...saying(text), tool_choice: "none" });
  assert.equal(none.choices[0].message.content, text);
});

check("tools", "results of calls go back to the model", async () => {
  const called = await toolClient.chat.completions.create(saying(callText("ask_time", "{}")));
  const messages = [...ask.messages, called.choices[0].message, { role: "tool", tool_call_id: called.choices[0].message.tool_calls[0].id, content: "10:30" }];
  const answer = valid("ChatCompletion", await toolClient.chat.completions.create({ ...ask, messages, tools }));
  assert.ok(answer.usage.prompt_tokens > called.usage.prompt_tokens);
});

check("completions", "text, several prompts, token ids", async () => {
  const answer = valid("Completion", await client.completions.create({ model: "hearth", prompt: ["a", "b"], max_tokens: 4, n: 2, seed: 1 }));
  assert.deepEqual(answer.choices.map((choice) => choice.index), [0, 1, 2, 3]);
  valid("Completion", await client.completions.create({ model: "hearth", prompt: [5, 6, 7], max_tokens: 4 }));
  valid("Completion", await client.completions.create({ model: "hearth", prompt: [[5, 6], [7]], max_tokens: 4 }));
});

check("completions", "echo with logprobs scores the prompt, as evaluation harnesses need", async () => {
  const answer = await client.completions.create({ model: "hearth", prompt: "turn the light on", max_tokens: 0, echo: true, logprobs: 2 });
  const { tokens, token_logprobs, top_logprobs, text_offset } = answer.choices[0].logprobs;
  assert.equal(answer.choices[0].text, "turn the light on");
  assert.ok(token_logprobs[0] === null && token_logprobs.slice(1).every((value) => value < 0));
  assert.ok([tokens, token_logprobs, top_logprobs, text_offset].every((list) => list.length === tokens.length));
  assert.equal(answer.usage.completion_tokens, 0);
  // The type says numbers, but a first token has never had a log-probability: null there is what harnesses count on.
  const filled = structuredClone(answer);
  filled.choices[0].logprobs.token_logprobs[0] = 0;
  filled.choices[0].logprobs.top_logprobs[0] = {};
  valid("Completion", filled);
  const more = valid("Completion", await client.completions.create({ model: "hearth", prompt: "turn the", max_tokens: 5, logprobs: 3, temperature: 0 }));
  const { token_logprobs: scores, top_logprobs: tops } = more.choices[0].logprobs;
  assert.ok(scores.every((value, index) => value === Math.max(...Object.values(tops[index]))), "greedy takes the likeliest");
});

check("completions", "a stream joins to the whole", async () => {
  const body = { model: "hearth", prompt: "turn", max_tokens: 20, seed: 2, temperature: 1 };
  let text = "";
  for await (const chunk of await client.completions.create({ ...body, stream: true })) {
    text += chunk.choices[0].text;
    // The type has no null here, but OpenAI's chunks have: before the last one there is no reason yet.
    const [choice] = chunk.choices;
    valid("Completion", { ...chunk, choices: [{ ...choice, finish_reason: choice.finish_reason ?? "stop" }] });
  }
  assert.equal(text, (await client.completions.create(body)).choices[0].text);
});

check("completions", "best_of gives the likeliest", async () => {
  const answer = valid("Completion", await client.completions.create({ model: "hearth", prompt: "turn", max_tokens: 8, n: 1, best_of: 4, seed: 3, temperature: 1 }));
  assert.equal(answer.choices.length, 1);
});

check("abort", "an aborted stream ends, and the server goes on", async () => {
  const stream = await client.chat.completions.create({ ...ask, stream: true, max_tokens: 400, temperature: 1 });
  for await (const _ of stream) {
    stream.controller.abort();
    break;
  }
  valid("ChatCompletion", await client.chat.completions.create(ask));
});

check("errors", "status, type and param of what is refused", async () => {
  await refused(client.chat.completions.create({ ...ask, model: "none" }), 404, "model");
  await refused(client.chat.completions.create({ ...ask, temperature: 3 }), 400, "temperature");
  await refused(client.chat.completions.create({ ...ask, n: 0 }), 400, "n");
  await refused(client.chat.completions.create({ ...ask, messages: [] }), 400, "messages");
  await refused(client.chat.completions.create({ ...ask, messages: user("x ".repeat(4000)) }), 400, "messages");
  await refused(client.chat.completions.create({ ...ask, messages: [{ role: "user", content: [{ type: "image_url", image_url: { url: "x" } }] }] }), 400, "messages[0].content[0].type");
});

let failed = 0;
for (const item of checks) {
  try {
    await item.run();
  } catch (error) {
    failed++;
    item.failed = true;
    console.error(`${item.area}: ${item.what}\n${error.stack}\n`);
  }
}
const { version } = JSON.parse(readFileSync(join(modules, "node_modules/openai/package.json"), "utf8"));
const rows = checks.map(({ area, what, failed: bad }) => `| ${area} | ${what} | ${bad ? "**no**" : "yes"} |`);
writeFileSync(report, `# Conformance: the official OpenAI client

Written by \`tests/serve/conformance.mjs\` (ctest \`e2e_openai_client\`): npm's \`openai\` ${version} against \`burin serve\` on the bundled model. Every response and
every chunk is also checked against the JSON schemas of that client's published types (${Object.keys(types).join(", ")}).

| area | what | passes |
|---|---|---|
${rows.join("\n")}

Calls under \`auto\` are made by a copy of the model whose template knows tools; a grammar says what it writes, for it has not learned to call.

Not there, and refused by name: images and audio, \`functions\` (the old form of tools), \`suffix\`, stored completions, assistants, files, embeddings.
`);
console.log(`${checks.length - failed} of ${checks.length} checks; schemas: ${JSON.stringify(counted)}`);
process.exit(failed === 0 ? 0 : 1);
