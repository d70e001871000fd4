// Renders {"render": template, "variables": {...}}, a request a line, with @huggingface/jinja. usage: render.mjs NODE_MODULES
import {createInterface} from "node:readline";
import {createRequire} from "node:module";
const {Template} = createRequire(process.argv[2] + "/")("@huggingface/jinja");
for await (const line of createInterface({input: process.stdin})) {
  const request = JSON.parse(line);
  try {
    console.log(JSON.stringify({text: new Template(request.render).render(request.variables)}));
  } catch (error) {
    console.log(JSON.stringify({error: String(error)}));
  }
}
