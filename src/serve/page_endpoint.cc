// GET /: the page, one file that needs nothing else.
#include "serve/endpoints.h"
#include "serve/page.h"

namespace burin {

void Page(const App&, const Call& call) {
  HttpResponse response{200, "text/html; charset=utf-8", std::string(PageHtml()), {}};
  response.headers.emplace_back("Content-Security-Policy",
                                "default-src 'self' 'unsafe-inline' data: blob:; frame-ancestors "
                                "'none'");
  response.headers.emplace_back("Cache-Control", "no-cache");
  response.headers.emplace_back("X-Content-Type-Options", "nosniff");
  call.Respond(std::move(response));
}

}  // namespace burin
