// Which matrix gets how many bits.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/model.h"

namespace burin {

// Bits of each of MatricesOf(config): `bits`, but where a pattern of `tensor_bits` matches.
// `tensor_bits` is PATTERN=BITS,PATTERN=BITS,...: '*' stands for any characters, '?' for one; names
// are those of MatricesOf, with or without ".weight" at the end; the last match wins. A tied head
// is also called "lm_head". Errors: a number of bits that is not 3, 4 or 6; text of another form; a
// pattern that matches nothing.
Result<std::vector<int>> ResolveTensorBits(const ModelConfig& config, int bits,
                                           std::string_view tensor_bits);

// Whether the whole of `text` matches; linear in practice, no recursion.
bool GlobMatches(std::string_view pattern, std::string_view text);

}  // namespace burin
