// The report as a page: one file, no network. src/cli/report_page.html is its frame.
#include <algorithm>
#include <cmath>

#include "cli/report.h"
#include "cli/report_charts.h"
#include "cli/report_floorplan.h"

namespace burin {

extern const unsigned char kReportPage[];
extern const unsigned long kReportPageSize;

namespace {

std::string Section(const std::string& title, const std::string& body) {
  return "<section><h2>" + title + "</h2>" + body + "</section>\n";
}

std::string Card(const Report& r, const std::string& label, const std::string& unit, double scale,
                 const Metric& metric) {
  const Band b = r.model.BandOf(metric);
  return fmt::format(
      "<div class=\"card\"><small>{}</small><b>{}</b><small>{} to {} {}</small></div>", label,
      Figures(b.nominal * scale), Figures(b.low * scale), Figures(b.high * scale), unit);
}

std::string Head(const Report& r) {
  const PlacedFabric& f = r.model.fabric();
  const Estimate& e = r.model.nominal();
  std::string html = fmt::format(
      "<h1>{} on {}</h1><p class=\"dim\">{} G weights at {:.2f} bits, {} {}, {}. Nominal values; "
      "below them low and high.</p>\n<div class=\"cards\">",
      Escape(f.plan.name), Escape(f.chip.name),
      Figures(static_cast<double>(f.plan.config.WeightCount()) * 1e-9), BitsPerWeight(f), f.dies,
      f.dies == 1 ? "die" : "dies", Escape(r.model.constants().tech.title));
  html += Card(r, fmt::format("tokens/s, one user at {} positions", r.model.workload().context), "",
               1, [](const Estimate& x) { return x.tokens_per_s_user; });
  html += Card(r, fmt::format("tokens/s, all users ({})", e.users), "", 1,
               [](const Estimate& x) { return x.tokens_per_s_aggregate; });
  html += Card(r, fmt::format("ms to the first token, prompt of {}", r.model.workload().prompt), "",
               1e3, [](const Estimate& x) { return x.first_token_s; });
  html += Card(r, "mm2 of a die", "", 1, [](const Estimate& x) { return x.die_mm2; });
  html += Card(r, "W explained, one user", "", 1, [](const Estimate& x) { return x.power_w; });
  html += Card(r, "W with the unexplained factor", "", 1,
               [](const Estimate& x) { return x.card_power_w; });
  html += Card(r, f.dies > 1 ? fmt::format("USD of {} cards", f.dies) : "USD of a card", "", 1,
               [](const Estimate& x) { return x.card.usd(); });
  html += Card(r, "USD a million tokens", "", 1, [](const Estimate& x) { return x.tokens.usd(); });
  html += fmt::format("</div><p class=\"binds\"><b>{}</b> binds: {}.{}</p>\n", r.binding.limit,
                      Escape(r.binding.reason),
                      r.binding.change.empty() ? "" : "<br>" + Escape(r.binding.change));
  return html;
}

std::string AreaAndPower(const Report& r) {
  const Estimate& e = r.model.nominal();
  std::vector<BarRow> area, power;
  for (const AreaBlock& b : e.area) {
    area.push_back({b.name, b.mm2 / e.area_mm2, Figures(b.mm2)});
  }
  for (const PowerItem& p : e.power) {
    power.push_back({p.name, p.watt / e.power_w, fmt::format("{:.3g}", p.watt)});
  }
  power.push_back({fmt::format("unexplained, x {:.2g}", e.card_power_w / e.power_w),
                   (e.card_power_w - e.power_w) / e.power_w, Figures(e.card_power_w - e.power_w)});
  return "<div class=\"two\">" +
         Section(fmt::format("Area: {} mm2, {:.1f} G transistors", Figures(e.area_mm2),
                             e.transistors / 1e9),
                 BarList(area)) +
         Section(fmt::format("Power: {} W explained, one user", Figures(e.power_w)),
                 BarList(power)) +
         "</div>";
}

std::string Time(const Report& r) {
  std::vector<BarRow> causes;
  const auto all = static_cast<double>(r.model.schedule().cycles);
  for (const StageCycles& c : NamedCauses(r.model)) {
    causes.push_back(
        {c.name, static_cast<double>(c.cycles) / all, Figures(static_cast<double>(c.cycles))});
  }
  return "<div class=\"two\">" +
         Section("A layer and the head, step by step (cycles)", Waterfall(r.model)) +
         Section(fmt::format("A token: {} cycles, {} us", Figures(all),
                             Figures(r.model.nominal().token_s * 1e6)),
                 BarList(causes)) +
         "</div>";
}

std::string FigureCell(const std::optional<Figure>& f) {
  if (!f) return "<td class=\"n\"></td>";
  return fmt::format("<td class=\"n\">{} <small>[{}]</small></td>", Figures(f->value), f->grade);
}

std::string Sources(const System& s) {
  std::string text;
  for (const auto* f : {&s.tokens_per_s_user, &s.tokens_per_s_best, &s.joule_per_token,
                        &s.usd_per_m_tokens, &s.rent_usd_per_hour}) {
    if (*f) text += "<small>" + Escape((*f)->source) + "</small>";
  }
  return text;
}

std::string Comparison(const Report& r) {
  const Estimate& e = r.model.nominal();
  std::string html =
      "<div class=\"scroll\"><table><tr><th>system</th><th class=\"n\">one user, tokens/s</th><th "
      "class=\"n\">best throughput, tokens/s</th><th class=\"n\">J a token</th><th class=\"n\">USD "
      "a "
      "million</th><th class=\"n\">rent, USD/h</th><th>sources</th></tr>";
  html += fmt::format(
      "<tr class=\"us\"><td>{} on {}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td "
      "class=\"n\">{} "
      "</td><td class=\"n\">{}</td><td></td><td><small>this model, nominal; energy with the "
      "unexplained factor</small></td></tr>",
      Escape(r.model.fabric().plan.name), Escape(r.model.fabric().chip.name),
      Figures(e.tokens_per_s_user), Figures(e.tokens_per_s_aggregate),
      Figures(e.card_energy_per_token_j), Figures(e.tokens.usd()));
  for (const System& s : r.systems) {
    html += "<tr><td>" + Escape(s.name) + "<small>" + Escape(s.model) + "</small></td>" +
            FigureCell(s.tokens_per_s_user) + FigureCell(s.tokens_per_s_best) +
            FigureCell(s.joule_per_token) + FigureCell(s.usd_per_m_tokens) +
            FigureCell(s.rent_usd_per_hour) + "<td>" + Sources(s) + "</td></tr>";
  }
  return html +
         "</table></div><p class=\"dim\">Grades: V vendor, M measured, S silicon, P simulation, E "
         "estimate, I arithmetic, R recalled, D design choice.</p>";
}

std::string PayBack(const Report& r) {
  std::string html =
      "<div class=\"scroll\"><table><tr><th>instead of renting</th><th class=\"n\">USD a "
      "million</th><th "
      "class=\"n\">tokens that pay the masks</th><th class=\"n\">useful, months</th><th "
      "class=\"n\">cards, masks</th><th class=\"n\">cards, first chip too</th></tr>";
  for (const BreakEven& b : r.break_evens) {
    for (const auto& u : b.useful) {
      html += fmt::format(
          "<tr><td>{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td "
          "class=\"n\">{:.0f}</td><td "
          "class=\"n\">{}</td><td class=\"n\">{}</td></tr>",
          Escape(b.against), Figures(b.rented_usd_per_m),
          std::isfinite(b.respin_tokens) ? ShortNumber(b.respin_tokens) : "-", u.months,
          Figures(u.cards_respin), Figures(u.cards_first));
    }
  }
  return html + "</table></div>";
}

std::string Moves(const Report& r, const std::string& title, double scale, const Metric& metric) {
  std::string html = "<tr><th colspan=\"4\">" + title + "</th></tr>";
  const auto list = r.model.SensitivitiesOf(metric);
  for (size_t i = 0; i < std::min<size_t>(5, list.size()); ++i) {
    const Bracket& b = r.model.constants()[list[i].param];
    const double unit = b.unit == "Hz" ? 1e-6 : 1;
    html += fmt::format(
        "<tr><td>{}<small>{} [{}]</small></td><td class=\"n\">{} to {} {}</td><td "
        "class=\"n\">{}</td><td class=\"n\">{}</td></tr>",
        InfoOf(list[i].param).meaning, Escape(b.source), b.grade, Figures(b.low * unit),
        Figures(b.high * unit),
        b.unit == "1"    ? ""
        : b.unit == "Hz" ? "MHz"
                         : b.unit,
        Figures(list[i].at_low * scale), Figures(list[i].at_high * scale));
  }
  return html;
}

std::string Sensitivities(const Report& r) {
  return "<div class=\"scroll\"><table><tr><th>constant</th><th class=\"n\">from, to</th><th "
         "class=\"n\">at low</th><th class=\"n\">at high</th></tr>" +
         Moves(r, "tokens/s, one user", 1, [](const Estimate& x) { return x.tokens_per_s_user; }) +
         Moves(r, "mm2 of a die", 1, [](const Estimate& x) { return x.die_mm2; }) +
         Moves(r, "W explained", 1, [](const Estimate& x) { return x.power_w; }) +
         Moves(r, "USD a million tokens", 1, [](const Estimate& x) { return x.tokens.usd(); }) +
         "</table></div>";
}

std::string DesignRow(const std::string& label, const Design& d) {
  std::string changes;
  for (const Change& c : d.changes) {
    changes += fmt::format("{}{} {} to {}", changes.empty() ? "" : "<br>", c.knob, c.from, c.to);
  }
  const Estimate& e = d.estimate;
  return fmt::format(
      "<tr><td>{}</td><td>{}<small>{}</small></td><td class=\"n\">{}</td><td "
      "class=\"n\">{}</td><td class=\"n\">{}{}</td><td class=\"n\">{}</td><td "
      "class=\"n\">{}</td></tr>",
      label, changes, Escape(d.binds), Figures(e.tokens_per_s_user),
      Figures(static_cast<double>(d.max_context)),
      d.dies > 1 ? fmt::format("{} x ", d.dies) : std::string(), Figures(e.die_mm2),
      Figures(e.full_power_w), Figures(e.card.usd()));
}

std::string Required(const Report& r) {
  if (!r.required) return {};
  const Answer& a = *r.required;
  std::string wishes;
  for (const Wish& w : r.wishes) {
    wishes += fmt::format("{}{} {} {}", wishes.empty() ? "" : ", ", QuantityKey(w.quantity),
                          IsAtLeast(w.quantity) ? "at least" : "at most", Figures(w.value));
  }
  std::string html =
      "<p>" + wishes + (a.limit.empty() ? "" : "<br>Limit: " + Escape(a.limit)) +
      "</p><div class=\"scroll\"><table><tr><th></th><th>change</th><th class=\"n\">tokens/s"
      "</th><th class=\"n\">context</th><th class=\"n\">die, mm2</th><th class=\"n\">W</th><th "
      "class=\"n\">cards, USD</th></tr>" +
      DesignRow("as it is", a.as_it_is);
  if (a.smallest && !a.smallest->changes.empty()) html += DesignRow("smallest change", *a.smallest);
  if (!a.smallest) html += DesignRow("nearest", a.nearest);
  if (a.with_clock) html += DesignRow("with the clock", *a.with_clock);
  if (a.with_dies) html += DesignRow("with more dies", *a.with_dies);
  return Section("What was required", html + "</table></div>");
}

std::string Answers(const Report& r) {
  std::string html = "<dl>";
  for (const Finding& f : r.answers) {
    html += "<dt>" + Escape(f.question) + "</dt><dd>" + Escape(f.answer) + "</dd>";
  }
  return html + "</dl>";
}

std::string ConstantsTable(const Report& r) {
  std::string html =
      "<details><summary>All constants with their sources</summary><div "
      "class=\"scroll\"><table><tr>"
      "<th>constant</th><th class=\"n\">low</th><th class=\"n\">nominal</th><th "
      "class=\"n\">high</th><th>unit</th><th>source</th></tr>";
  for (const ParamInfo& info : ParamInfos()) {
    const Bracket& b = r.model.constants()[info.param];
    html += fmt::format(
        "<tr><td>{}</td><td class=\"n\">{:.4g}</td><td class=\"n\">{:.4g}</td><td "
        "class=\"n\">{:.4g}</td><td>{}</td><td><small>[{}] {}</small></td></tr>",
        info.meaning, b.low, b.nominal, b.high, b.unit == "1" ? "" : b.unit, b.grade,
        Escape(b.source));
  }
  return html + "</table></div></details>";
}

}  // namespace

std::string ReportHtml(const Report& r) {
  const PlacedFabric& f = r.model.fabric();
  std::string body = Head(r) + Required(r);
  body += Section("Floorplan",
                  "<div class=\"plan\"><div>" + FloorplanSvg(f) +
                      "<p id=\"under\" class=\"dim\">Point at the die or at a name.</p></div><div "
                      "class=\"list\"></div></div>");
  body += Time(r) + AreaAndPower(r);
  body += "<div class=\"two\">" + Section("Context against area", ContextBars(r.model)) +
          Section("Users against speed", UsersChart(r.model)) + "</div>";
  body += Section("Beside other systems", Comparison(r));
  body += Section("When two masks are paid", PayBack(r));
  body += Section("Questions", Answers(r));
  body += Section("What moves the answer", Sensitivities(r) + ConstantsTable(r));
  std::string page(reinterpret_cast<const char*>(kReportPage), kReportPageSize);
  auto put = [&](const std::string& mark, const std::string& text) {
    page.replace(page.find(mark), mark.size(), text);
  };
  put("@TITLE@", Escape(f.plan.name) + " on " + Escape(f.chip.name));
  put("@BODY@", body);
  return page;
}

}  // namespace burin
