// A tokenizer whose ids 0 to 255 are the bytes, with the special tokens 256 <|begin|>, 257 <|end|>,
// 258 <|user|>, 259 <|assistant|>, 260 <|system|>, and a chat template of them.
#pragma once

#include "text/tokenizer.h"

namespace burin {

Tokenizer ByteTokenizer();

}  // namespace burin
