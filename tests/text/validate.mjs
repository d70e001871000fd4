// For {"json_schema": ..., "texts": [...]}, a request a line: which texts are JSON that ajv finds valid.
// usage: validate.mjs NODE_MODULES
import {createInterface} from "node:readline";
import {createRequire} from "node:module";
const require = createRequire(process.argv[2] + "/");
const Ajv = require("ajv/dist/2020").default, addFormats = require("ajv-formats").default;
for await (const line of createInterface({input: process.stdin})) {
  const {json_schema, texts} = JSON.parse(line);
  const ajv = new Ajv({strict: false});
  addFormats(ajv);
  const validate = ajv.compile(json_schema);
  const accepts = texts.map((text) => {
    try {
      return validate(JSON.parse(text));
    } catch {
      return false;
    }
  });
  console.log(JSON.stringify({accepts}));
}
