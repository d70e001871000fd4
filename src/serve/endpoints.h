// The endpoints, one file each; docs/server.md describes them. Each answers its call, now or later.
#pragma once

#include "serve/app.h"

namespace burin {

void ChatCompletions(const App& app, const Call& call);    // POST /v1/chat/completions
void Completions(const App& app, const Call& call);        // POST /v1/completions
void LlamaCompletion(const App& app, const Call& call);    // POST /completion
void Tokenize(const App& app, const Call& call);           // POST /tokenize
void Detokenize(const App& app, const Call& call);         // POST /detokenize
void ApplyTemplate(const App& app, const Call& call);      // POST /apply-template
void TokenizerInfo(const App& app, const Call& call);      // GET  /tokenizer_info
void ListModels(const App& app, const Call& call);         // GET  /v1/models
void GetModel(const App& app, const Call& call);           // GET  /v1/models/NAME
void LoadAdapterByName(const App& app, const Call& call);  // POST /v1/load_lora_adapter
void UnloadAdapter(const App& app, const Call& call);      // POST /v1/unload_lora_adapter
void ListAdapters(const App& app, const Call& call);       // GET  /lora-adapters
void ScaleAdapters(const App& app, const Call& call);      // POST /lora-adapters
void Props(const App& app, const Call& call);              // GET  /props
void MetricsText(const App& app, const Call& call);        // GET  /metrics
void Info(const App& app, const Call& call);               // GET  /burin/info
void Page(const App& app, const Call& call);               // GET  /

}  // namespace burin
