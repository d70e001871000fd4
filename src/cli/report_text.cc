// The report on a terminal.
#include <algorithm>
#include <cmath>

#include "cli/report.h"

namespace burin {
namespace {

std::string BandRow(const ChipModel& model, const std::string& label, double scale,
                    const Metric& metric, const std::string& note) {
  const Band b = model.BandOf(metric);
  return fmt::format("{:<24}{:>9} {:>10} {:>10}{}{}\n", label, Figures(b.low * scale),
                     Figures(b.nominal * scale), Figures(b.high * scale), note.empty() ? "" : "  ",
                     note);
}

std::string Head(const Report& r) {
  const PlacedFabric& f = r.model.fabric();
  return fmt::format(
      "{} on {}: {} G weights at {:.2f} bits, {} {}, {}\n", OneLine(f.plan.name),
      OneLine(f.chip.name), Figures(static_cast<double>(f.plan.config.WeightCount()) * 1e-9),
      BitsPerWeight(f), f.dies, f.dies == 1 ? "die" : "dies", r.model.constants().tech.name);
}

std::string Table(const Report& r) {
  const ChipModel& m = r.model;
  const Estimate& e = m.nominal();
  std::string text = fmt::format("{:<24}{:>9} {:>10} {:>10}\n", "", "low", "nominal", "high");
  text += BandRow(
      m, "one user, tokens/s", 1, [](const Estimate& x) { return x.tokens_per_s_user; },
      fmt::format("at {} positions", WithCommas(static_cast<uint64_t>(m.workload().context))));
  text += BandRow(
      m, "all users, tokens/s", 1, [](const Estimate& x) { return x.tokens_per_s_aggregate; },
      fmt::format("{} in flight ({})", e.users, UserLimitName(e.user_limit)));
  text += BandRow(
      m, "first token, ms", 1e3, [](const Estimate& x) { return x.first_token_s; },
      fmt::format("prompt of {}", WithCommas(static_cast<uint64_t>(m.workload().prompt))));
  text += BandRow(
      m, "die, mm2", 1, [](const Estimate& x) { return x.die_mm2; },
      fmt::format("{:.1f} x {:.1f} mm", e.die_width_mm, e.die_height_mm));
  const std::string all = m.fabric().dies > 1 ? fmt::format(" of {} dies", m.fabric().dies) : "";
  text += BandRow(
      m, "transistors" + all + ", G", 1e-9, [](const Estimate& x) { return x.transistors; }, "");
  text += BandRow(
      m, "power" + all + ", W", 1, [](const Estimate& x) { return x.power_w; },
      "explained, one user");
  text += BandRow(
      m, "  x system factor", 1, [](const Estimate& x) { return x.card_power_w; },
      fmt::format("unexplained {}", m.constants()[Param::kSystemFactor].nominal));
  text += BandRow(
      m, "a token, mJ", 1e3, [](const Estimate& x) { return x.energy_per_token_j; },
      fmt::format("explained; {:.3g} with it", e.card_energy_per_token_j * 1e3));
  text += BandRow(
      m, "good dies, %", 100, [](const Estimate& x) { return x.die.yield; },
      fmt::format("{} of {} a wafer", e.die.good, e.die.gross));
  text += BandRow(
      m, "die, USD", 1, [](const Estimate& x) { return x.die.usd; }, "");
  text += BandRow(
      m, m.fabric().dies > 1 ? fmt::format("{} cards, USD", m.fabric().dies) : "card, USD", 1,
      [](const Estimate& x) { return x.card.usd(); }, "parts only");
  text += BandRow(
      m, "10^6 tokens, USD", 1, [](const Estimate& x) { return x.tokens.usd(); },
      "ten cards in a server");
  text += fmt::format("{:<24}{:>20} {:>10}  positions of one user\n", "context",
                      WithCommas(static_cast<uint64_t>(m.fabric().max_context)), "");
  return text;
}

std::string Bar(double share, size_t width) {
  return std::string(
      static_cast<size_t>(std::lround(std::clamp(share, 0.0, 1.0) * static_cast<double>(width))),
      '#');
}

// Time by cause on the left, area by block on the right.
std::string Bars(const Report& r) {
  const auto causes = NamedCauses(r.model);
  std::vector<AreaBlock> blocks = r.model.nominal().area;
  std::ranges::stable_sort(blocks, [](const auto& a, const auto& b) { return a.mm2 > b.mm2; });
  const auto all = static_cast<double>(r.model.schedule().cycles);
  std::string text =
      fmt::format("{:<40} {}\n",
                  fmt::format("a token's {} us, cycles", Figures(r.model.nominal().token_s * 1e6)),
                  "area, mm2");
  const size_t rows = std::min(blocks.size(), std::max<size_t>(causes.size(), 6));
  for (size_t i = 0; i < rows; ++i) {
    std::string left;
    if (i < causes.size()) {
      const auto cycles = static_cast<double>(causes[i].cycles);
      left = fmt::format("{:<16}{:>9} {}", causes[i].name, Figures(cycles), Bar(cycles / all, 13));
    }
    const double share = blocks[i].mm2 / r.model.nominal().area_mm2;
    text += fmt::format("{:<40} {:<24}{:>5} {}\n", left, blocks[i].name, Figures(blocks[i].mm2),
                        Bar(share, 8));
  }
  return text;
}

std::string Moves(const Report& r, const std::string& label, double scale, const Metric& metric) {
  std::string text;
  const auto list = r.model.SensitivitiesOf(metric);
  for (size_t i = 0; i < std::min<size_t>(2, list.size()); ++i) {
    const Sensitivity& s = list[i];
    text += fmt::format("{}{}: {} to {}", i == 0 ? "" : "; ", InfoOf(s.param).meaning,
                        Figures(s.at_low * scale), Figures(s.at_high * scale));
  }
  return Paragraph(label, text);
}

std::string Sensitivities(const Report& r) {
  return "constants that move it most, low to high end\n" +
         Moves(r, "speed", 1, [](const Estimate& x) { return x.tokens_per_s_user; }) +
         Moves(r, "mm2", 1, [](const Estimate& x) { return x.die_mm2; }) +
         Moves(r, "W", 1, [](const Estimate& x) { return x.power_w; }) +
         Moves(r, "USD/10^6", 1, [](const Estimate& x) { return x.tokens.usd(); });
}

std::string Wishes(const std::vector<Wish>& wishes) {
  std::string text;
  for (const Wish& w : wishes) {
    text += fmt::format("{}{} {} {}", text.empty() ? "" : ", ", QuantityKey(w.quantity),
                        IsAtLeast(w.quantity) ? ">=" : "<=", Figures(w.value));
  }
  return text;
}

std::string ChangesOf(const Design& d) {
  std::string text;
  for (const Change& c : d.changes) {
    text += fmt::format("{}{} {} -> {}", text.empty() ? "" : ", ", c.knob, c.from, c.to);
  }
  return text.empty() ? "nothing" : text;
}

// What a design is and costs, beside the chip as it is.
std::string Prices(const Report& r, const Design& d) {
  const Estimate &e = d.estimate, &b = r.required->as_it_is.estimate;
  const double cooled = r.model.constants()[Param::kPowerLimit].nominal;
  std::string text = Paragraph(
      "  gives", fmt::format("{} tokens/s for one user, {} for all, {} positions",
                             Figures(e.tokens_per_s_user), Figures(e.tokens_per_s_aggregate),
                             WithCommas(static_cast<uint64_t>(d.max_context))));
  text += Paragraph(
      "  price",
      fmt::format("{}die {} mm2 ({:+.0f}), {} USD ({:+.0f}); {} {} W ({:+.0f}; {:.2f} of "
                  "{:.2f} W/mm2), {} USD ({:+.0f}); {:.4f} USD a million tokens ({:+.4f})",
                  d.dies > 1 ? fmt::format("{} dies; ", d.dies) : std::string(), Figures(e.die_mm2),
                  e.die_mm2 - b.die_mm2, Figures(e.die.usd), e.die.usd - b.die.usd,
                  d.dies > 1 ? "cards" : "card", Figures(e.full_power_w),
                  e.full_power_w - b.full_power_w, e.full_power_w / e.area_mm2, cooled,
                  Figures(e.card.usd()), e.card.usd() - b.card.usd(), e.tokens.usd(),
                  e.tokens.usd() - b.tokens.usd()));
  return text + Paragraph("  binds", d.binds);
}

std::string Route(const Report& r, const std::string& label, const std::optional<Design>& d) {
  if (!d) return {};
  std::string text = Paragraph(label, ChangesOf(*d)) + Prices(r, *d);
  if (d->chip.clock_hz.nominal > r.model.constants()[Param::kClock].nominal) {
    const Bracket& clock = r.model.constants()[Param::kClock];
    text +=
        Paragraph("  mind", fmt::format("the clock is believed to be {:.4g} MHz, at most {:.4g} "
                                        "[{}]",
                                        clock.nominal / 1e6, clock.high / 1e6, clock.grade));
  }
  return text;
}

std::string Required(const Report& r) {
  if (!r.required) return {};
  const Answer& a = *r.required;
  std::string text = "\n" + Paragraph("required", Wishes(r.wishes));
  if (a.smallest && a.smallest->changes.empty()) {
    return text + Paragraph("answer", "met as it is") + Prices(r, *a.smallest);
  }
  text += Route(r, "change", a.smallest);
  if (!a.smallest) {
    text += Paragraph("limit", a.limit) + Paragraph("nearest", ChangesOf(a.nearest)) +
            Prices(r, a.nearest);
  }
  text += Route(r, a.smallest ? "or" : "change", a.with_clock);
  text += Route(r, "change", a.with_dies);
  if (!a.smallest && !a.with_clock && !a.with_dies) {
    text += Paragraph("change", "none: neither a clock up to its high end nor more dies reach it");
  }
  return text +
         Paragraph("tried", fmt::format("{} chips{}", WithCommas(static_cast<uint64_t>(a.tried)),
                                        a.complete ? "" : ", not all of them"));
}

}  // namespace

std::string ReportText(const Report& r) {
  std::string text = Head(r) + Table(r) + "\n";
  text += Paragraph("binds", r.binding.limit + ": " + r.binding.reason);
  if (!r.binding.change.empty()) text += Paragraph("to change", r.binding.change);
  text += "\n" + Bars(r) + "\n" + Sensitivities(r) + Required(r);
  if (r.required) return text;
  text += "\n";
  for (const Finding& f : r.answers) {
    if (f.first) text += Paragraph("- " + f.question, f.answer);
  }
  return text + "\nMore answers, every step, other systems, sources: --html FILE, --json FILE\n";
}

}  // namespace burin
