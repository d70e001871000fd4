// The page in Debian's Chromium against a running server with the adapters "innkeeper", "orders" and "spoken" and a chip.
// usage: page.mjs URL FOLDER_OF_NODE_MODULES FOLDER_FOR_SCREENSHOTS
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [url, modules, pictures] = process.argv.slice(2);
const { chromium } = createRequire(pathToFileURL(join(modules, "package.json")))("playwright-core");

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});
let passed = 0;
let failed = 0;

// A fresh browser profile with a page that is open. Console errors but `expected` and requests to elsewhere fail the test.
async function withPage(name, { expected, ...options }, body) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
  await context.grantPermissions(["clipboard-read", "clipboard-write"], { origin: url });
  const page = await context.newPage();
  page.setDefaultTimeout(20000);
  const faults = [];
  page.on("console", (message) => message.type() === "error" && !expected?.test(message.text()) && faults.push(`console: ${message.text()}`));
  page.on("pageerror", (error) => faults.push(`page: ${error.message}`));
  page.on("request", (request) => /^(data|blob):/.test(request.url()) || request.url().startsWith(url) || faults.push(`network: ${request.url()}`));
  try {
    await page.goto(url);
    await body(page);
    assert.deepEqual(faults, []);
    ++passed;
    console.log(`ok: ${name}`);
  } catch (error) {
    ++failed;
    console.log(`FAILED: ${name}\n${error.stack}`);
    await page.screenshot({ path: join(pictures, "failure.png") });
  } finally {
    await context.close();
  }
}

const ask = async (page, text) => {
  await page.getByLabel("Message", { exact: true }).fill(text);
  await page.keyboard.press("Enter");
};
const answered = (page) => page.getByRole("button", { name: "Send" }).waitFor();
const lastAnswer = (page) => page.locator(".message.assistant .text").last().textContent();
const shoot = (page, name) => page.screenshot({ path: join(pictures, `${name}.png`) });
const alarm = "set an alarm for half past ten in the morning, please";
const alarmAnswer = '{"device":"alarm","action":"set","at":"10:30"}';
const tokensOf = async (content) => {
  const body = { messages: [{ role: "user", content }], temperature: 0, max_tokens: 512 };
  const answer = await fetch(`${url}/v1/chat/completions`, { method: "POST", body: JSON.stringify(body) });
  return (await answer.json()).usage.completion_tokens;
};
// Other users, so many that a text takes a while.
const crowd = () => {
  const controller = new AbortController();
  const body = JSON.stringify({ prompt: "a", n: 60, max_tokens: 500, temperature: 1, ignore_eos: true });
  fetch(`${url}/v1/completions`, { method: "POST", body, signal: controller.signal }).catch(() => {});
  return controller;
};
const greedy = async (page) => {
  await page.getByRole("button", { name: "Settings" }).click();
  await page.getByLabel("Temperature").fill("0");
  await page.getByRole("button", { name: "Close Settings" }).click();
};

await withPage("first message to streamed answer, with speeds and context", {}, async (page) => {
  await greedy(page);
  await ask(page, alarm);
  await answered(page);
  assert.equal((await lastAnswer(page)).trim(), alarmAnswer);
  // Tokens are counted, not chunks: as many as the API says of the same answer.
  const speed = await page.locator(".speed").last().textContent();
  assert.match(speed, /emulated [\d,.]+ tokens\/s · silicon [\d,.]+ tokens\/s/);
  assert.equal(Number(speed.split(" ")[0]), await tokensOf(alarm));
  assert.match(await page.locator(".meter span").textContent(), /^[1-9]\d* of 512 tokens/);
  await shoot(page, "answer");
});

await withPage("a reload keeps the conversation", {}, async (page) => {
  await greedy(page);
  await ask(page, alarm);
  await answered(page);
  await page.reload();
  await page.locator(".message.assistant").waitFor();
  assert.equal((await lastAnswer(page)).trim(), alarmAnswer);
});

await withPage("stop ends an answer, continue goes on with it", {}, async (page) => {
  // The network is held up, not the server: on a fast machine the answer would be there before a click.
  await page.route("**/v1/chat/completions", async (route) => {
    if (route.request().postDataJSON().continue_final_message) return route.continue();
    await new Promise((resolve) => setTimeout(resolve, 3000));
    return route.continue().catch(() => {});
  });
  await ask(page, alarm);
  await page.locator(".composer").getByRole("button", { name: "Stop" }).click();
  await answered(page);
  assert.match(await page.locator(".speed").last().textContent(), /stopped/);
});

await withPage("stop in the middle of an answer keeps what is there; continue ends it", {}, async (page) => {
  await greedy(page);
  const others = crowd();
  const stopped = page.evaluate(() => new Promise((resolve, reject) => {
    setTimeout(() => reject(new Error("no text came while the answer was written")), 20000);
    const watch = () => {
      const text = document.querySelector(".message.assistant .text")?.textContent.trim();
      const button = document.querySelector(".composer button.primary");
      if (!text || button.textContent !== "Stop") return;
      observer.disconnect();
      button.click();
      resolve(text);
    };
    const observer = new MutationObserver(watch);
    observer.observe(document.body, { subtree: true, childList: true, characterData: true });
  }));
  await ask(page, "tell me a story");
  const seen = await stopped;
  await answered(page);
  others.abort();
  const speed = await page.locator(".speed").last().textContent();
  assert.match(speed, /^[\d,]+ tokens .* stopped$/);
  const begun = (await lastAnswer(page)).trim();
  assert.ok(begun.startsWith(seen), begun);
  await page.getByRole("button", { name: "Continue" }).click();
  await answered(page);
  const whole = (await lastAnswer(page)).trim();
  assert.ok(whole.startsWith(begun) && whole.length > begun.length, whole);
});

await withPage("an answer cut at its limit goes on with Continue", {}, async (page) => {
  await greedy(page);
  await page.getByRole("button", { name: "Settings" }).click();
  await page.getByLabel("Tokens at most").fill("6");
  await page.getByRole("button", { name: "Close Settings" }).click();
  await ask(page, alarm);
  await answered(page);
  const begun = (await lastAnswer(page)).trim();
  assert.ok(alarmAnswer.startsWith(begun) && begun !== alarmAnswer, begun);
  for (let round = 0; round < 8 && (await lastAnswer(page)).trim() !== alarmAnswer; ++round) {
    await page.getByRole("button", { name: "Continue" }).click();
    await answered(page);
  }
  assert.equal((await lastAnswer(page)).trim(), alarmAnswer);
});

await withPage("edit makes a branch, and both stay", {}, async (page) => {
  await greedy(page);
  await ask(page, alarm);
  await answered(page);
  await page.getByRole("button", { name: "Edit" }).click();
  await page.getByLabel("Edit message").fill("set an alarm for half past nine in the morning, please");
  await page.keyboard.press("Enter");
  await answered(page);
  assert.match(await lastAnswer(page), /09:30/);
  await page.getByRole("button", { name: "Previous version" }).first().click();
  assert.equal((await lastAnswer(page)).trim(), alarmAnswer);
  await page.getByRole("button", { name: "Regenerate" }).click();
  await answered(page);
  assert.match(await page.locator(".message.assistant .branches").textContent(), /2\/2/);
});

await withPage("another adapter answers otherwise; two answer side by side", {}, async (page) => {
  await greedy(page);
  await ask(page, alarm);
  await answered(page);
  const base = await lastAnswer(page);
  await page.getByLabel("Model or adapter").selectOption("innkeeper");
  await page.getByRole("button", { name: "Regenerate" }).click();
  await answered(page);
  assert.notEqual(await lastAnswer(page), base);
  await page.getByLabel("Second model, side by side").selectOption("orders");
  await ask(page, "hello there");
  await answered(page);
  assert.deepEqual(await page.locator(".row.pair").last().locator(".who").allTextContents(), ["innkeeper", "orders"]);
  await shoot(page, "side-by-side");
});

await withPage("chip panel and inspector show digest, memories and chunks", {}, async (page) => {
  await ask(page, alarm);
  await answered(page);
  await page.getByRole("button", { name: "Chip" }).click();
  assert.match(await page.locator(".digest").textContent(), /^[0-9a-f]{64}$/);
  await page.getByRole("meter", { name: "KV memory" }).waitFor();
  await shoot(page, "chip");
  await page.getByRole("button", { name: "Requests" }).click();
  const wire = await page.locator(".inspector pre").last().textContent();
  assert.match(wire, /chat\.completion\.chunk/);
});

await withPage("export and import keep every word", {}, async (page) => {
  await greedy(page);
  await ask(page, alarm);
  await answered(page);
  const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Export all" }).click()]);
  const file = join(pictures, "export.json");
  await download.saveAs(file);
  page.on("dialog", (dialog) => dialog.accept());
  await page.getByRole("button", { name: /^Delete set an alarm/ }).click();
  await page.locator(".welcome").waitFor();
  await page.locator("input[type=file]").setInputFiles(file);
  await page.getByRole("button", { name: /^set an alarm/ }).click();
  assert.equal((await lastAnswer(page)).trim(), alarmAnswer);
});

await withPage("an error of the server is shown in words", { expected: /status of 400/ }, async (page) => {
  await ask(page, "word ".repeat(2000));
  await answered(page);
  assert.match(await page.locator(".error").textContent(), /512|context/);
});

await withPage("dark, side by side and the chip panel", { colorScheme: "dark" }, async (page) => {
  await greedy(page);
  await page.getByLabel("Second model, side by side").selectOption("spoken");
  await ask(page, "dim the lamp in the living room to 40 percent");
  await answered(page);
  assert.deepEqual((await page.locator(".row.pair .text").allTextContents()).map((text) => text.trim()),
    ['{"device":"lamp","room":"living room","action":"set","brightness":40}', "The living room lamp is at 40 percent."]);
  await page.getByRole("button", { name: "Chip" }).click();
  await page.locator(".floorplan").waitFor();
  await shoot(page, "dark");
});

await withPage("phone width, dark: nothing is cut off", { viewport: { width: 390, height: 800 }, colorScheme: "dark", hasTouch: true }, async (page) => {
  await ask(page, alarm);
  await answered(page);
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth), "wider than the phone");
  await shoot(page, "phone");
  await page.getByRole("button", { name: "Chip" }).click();
  await page.locator(".digest").waitFor();
  await shoot(page, "phone-chip");
});

await browser.close();
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed > 0 ? 1 : 0);
