#include "cli/report_charts.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "cli/report.h"

namespace burin {
namespace {

constexpr double kPercent = 100;

std::string Track(double from, double to, const std::string& extra = {}) {
  return fmt::format("<span class=\"track\"><i style=\"left:{:.2f}%;width:{:.2f}%\"></i>{}</span>",
                     from * kPercent, (to - from) * kPercent, extra);
}

}  // namespace

std::string Escape(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '<') {
      out += "&lt;";
    } else if (c == '>') {
      out += "&gt;";
    } else if (c == '&') {
      out += "&amp;";
    } else if (c == '"') {
      out += "&quot;";
    } else if (static_cast<unsigned char>(c) >= ' ') {
      out += c;
    }
  }
  return out;
}

std::string BarList(const std::vector<BarRow>& rows) {
  double longest = 1e-12;
  for (const BarRow& row : rows) longest = std::max(longest, row.share);
  std::string html = "<div class=\"bars\">";
  for (const BarRow& row : rows) {
    html += "<span>" + Escape(row.label) + "</span>" + Track(0, row.share / longest) +
            "<span class=\"r\">" + row.value + "</span>";
  }
  return html + "</div>";
}

std::string Waterfall(const ChipModel& model) {
  const PlacedFabric& f = model.fabric();
  std::vector<StepTime> shown;
  for (const StepTime& time : model.schedule().steps) {
    const Step& step = f.program[static_cast<size_t>(time.step)];
    const bool head = step.layer < 0 && step.op != Op::kEmbed;
    if (step.layer == 0 || head) shown.push_back(time);
  }
  int64_t all = 0;
  for (const StepTime& time : shown) all += time.cycles;
  std::string html = "<div class=\"bars\">";
  int64_t at = 0;
  for (const StepTime& time : shown) {
    const auto total = static_cast<double>(all);
    html += "<span>" + StageName(f, f.program[static_cast<size_t>(time.step)]) + "</span>" +
            Track(static_cast<double>(at) / total, static_cast<double>(at + time.cycles) / total) +
            fmt::format("<span class=\"r\">{}</span>", time.cycles);
    at += time.cycles;
  }
  return html + "</div>";
}

std::string ContextBars(const ChipModel& model) {
  const PlacedFabric& f = model.fabric();
  const Estimate& e = model.nominal();
  double kv = 0;
  for (const AreaBlock& b : e.area) kv += b.name == "KV SRAM" ? b.mm2 : 0;
  const auto dies = static_cast<double>(f.dies);
  const double share = 1 + model.constants()[Param::kOverheadShare].nominal;
  const double rest = e.die_mm2 - kv * share / dies;
  const auto positions = static_cast<double>(std::max<int64_t>(1, KvPositions(f)));
  const double per_position = kv * share / dies / positions;
  const double reticle = model.constants().tech.reticle_mm2();
  std::string html = "<div class=\"bars\">";
  for (const double context :
       {1024.0, 2048.0, 4096.0, 6144.0, 8192.0, 16384.0, 32768.0, 131072.0}) {
    const double mm2 = rest + context * per_position, full = 2 * reticle;
    html += fmt::format(
        "<span>{}</span><span class=\"track{}\"><i style=\"left:0;width:{:.2f}%\"></i><u "
        "style=\"left:50%\"></u></span><span class=\"r\">{} mm2</span>",
        Figures(context), mm2 > reticle ? " over" : "", std::min(1.0, mm2 / full) * kPercent,
        Figures(mm2));
  }
  return html +
         fmt::format(
             "</div><p class=\"dim\">A die against positions of one user at 8 bits; the dashed "
             "line is one exposure, {} mm2. This chip holds {}.</p>",
             Figures(reticle), Figures(static_cast<double>(f.max_context)));
}

std::string UsersChart(const ChipModel& model) {
  const TokenSchedule& s = model.schedule();
  const double clock = model.nominal().clock_hz;
  const int64_t full = UsersToSaturate(s),
                kv = std::max<int64_t>(1, model.UsersInKv(model.workload().context));
  const int64_t most = std::max<int64_t>(8, 2 * full);
  constexpr double kLeft = 66, kTop = 12, kWidth = 420, kHeight = 190;
  const double top = TokensPerCycle(s, most) * clock;
  auto x_of = [&](int64_t n) {
    return kLeft + kWidth * static_cast<double>(n - 1) / static_cast<double>(most - 1);
  };
  auto y_of = [&](double speed) { return kTop + kHeight * (1 - speed / top); };
  std::string all, each;
  for (int64_t n = 1; n <= most; ++n) {
    const double speed = TokensPerCycle(s, n) * clock;
    all += fmt::format("{}{:.1f} {:.1f}", n == 1 ? "M" : "L", x_of(n), y_of(speed));
    each += fmt::format("{}{:.1f} {:.1f}", n == 1 ? "M" : "L", x_of(n),
                        y_of(speed / static_cast<double>(n)));
  }
  std::string svg = fmt::format(
      "<svg class=\"chart\" viewBox=\"0 0 500 245\" role=\"img\" aria-label=\"Tokens a second "
      "against users\">"
      "<path class=\"axis\" d=\"M{0} {1}V{2}H{3}\"/><path d=\"{4}\"/><path class=\"b\" d=\"{5}\"/>",
      kLeft, kTop, kTop + kHeight, kLeft + kWidth, all, each);
  svg += fmt::format("<text x=\"0\" y=\"{}\">{}</text><text x=\"0\" y=\"{}\">0</text>", kTop + 8,
                     Figures(top), kTop + kHeight);
  svg += fmt::format(
      "<text x=\"{}\" y=\"222\">1 user</text><text x=\"{}\" y=\"222\" text-anchor=\"end\">{} "
      "users</text>"
      "</svg>",
      kLeft, kLeft + kWidth, most);
  return svg +
         fmt::format(
             "<p class=\"dim\">Blue: all users; orange: each. {} users keep the busiest station "
             "busy; KV SRAM holds {} of {} positions; cooling allows {} tokens/s.</p>",
             full, kv, model.workload().context,
             model.nominal().user_limit == UserLimit::kPower
                 ? Figures(model.nominal().tokens_per_s_aggregate)
                 : "all " + Figures(model.nominal().tokens_per_s_aggregate));
}

}  // namespace burin
