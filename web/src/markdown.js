// A model's text as safe HTML: markdown, highlighted code with a button to copy it.
import DOMPurify from "dompurify";
import hljs from "highlight.js/lib/core";
import bash from "highlight.js/lib/languages/bash";
import cpp from "highlight.js/lib/languages/cpp";
import javascript from "highlight.js/lib/languages/javascript";
import json from "highlight.js/lib/languages/json";
import python from "highlight.js/lib/languages/python";
import verilog from "highlight.js/lib/languages/verilog";
import xml from "highlight.js/lib/languages/xml";
import { Marked } from "marked";

for (const [name, language] of Object.entries({ bash, cpp, javascript, json, python, verilog, xml })) hljs.registerLanguage(name, language);

const escapeHtml = (text) => text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);

const marked = new Marked({
  gfm: true,
  breaks: true,
  renderer: {
    code({ text, lang }) {
      const language = hljs.getLanguage(lang ?? "") ? lang : null;
      const html = language ? hljs.highlight(text, { language }).value : escapeHtml(text);
      return `<div class="code"><div class="code-head"><span>${escapeHtml(lang ?? "")}</span><button type="button" class="copy-code">Copy</button></div><pre><code>${html}</code></pre></div>`;
    },
    // What a model writes as HTML is text, not markup.
    html({ text }) {
      return escapeHtml(text);
    },
    // No request leaves the page for a picture that a model names.
    image({ href, text }) {
      return `<a href="${escapeHtml(href)}">${escapeHtml(text || href)}</a>`;
    },
  },
});

DOMPurify.addHook("afterSanitizeAttributes", (node) => {
  if (node.tagName === "A") {
    node.setAttribute("target", "_blank");
    node.setAttribute("rel", "noopener noreferrer");
  }
});

const forbidden = { FORBID_TAGS: ["style", "form", "input", "img", "video", "audio", "svg", "math"], FORBID_ATTR: ["style"] };

export const renderMarkdown = (text) => DOMPurify.sanitize(marked.parse(text), { ...forbidden, ADD_ATTR: ["target"] });
