#include "cli/report.h"

namespace burin {
std::string ReportHtml(const Report&) { return {}; }
}  // namespace burin
