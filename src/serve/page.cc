#include "serve/page.h"

namespace burin {

extern const unsigned char kPageHtml[];
extern const unsigned long kPageHtmlSize;

std::string_view PageHtml() { return {reinterpret_cast<const char*>(kPageHtml), kPageHtmlSize}; }

}  // namespace burin
