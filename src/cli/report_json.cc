// The report for machines.
#include <cmath>

#include "base/sha256.h"
#include "cli/report.h"
#include "cost/yield.h"

namespace burin {
namespace {

// A number, or null for what is infinite; five significant digits.
Json Value(double v) {
  if (!std::isfinite(v)) return nullptr;
  if (v == 0) return 0;
  const double unit = std::pow(10, std::floor(std::log10(std::abs(v))) - 4);
  return unit < 1 ? std::round(v / unit) / std::round(1 / unit) : std::round(v / unit) * unit;
}

Json BandJson(const ChipModel& model, const Metric& metric) {
  const Band b = model.BandOf(metric);
  return {{"low", Value(b.low)}, {"nominal", Value(b.nominal)}, {"high", Value(b.high)}};
}

Json MovesJson(const ChipModel& model, const Metric& metric) {
  Json list = Json::array();
  for (const Sensitivity& s : model.SensitivitiesOf(metric)) {
    const Bracket& b = model.constants()[s.param];
    list.push_back({{"constant", InfoOf(s.param).key},
                    {"low", Value(b.low)},
                    {"high", Value(b.high)},
                    {"unit", b.unit},
                    {"at_low", Value(s.at_low)},
                    {"at_high", Value(s.at_high)}});
    if (list.size() == 8) break;
  }
  return list;
}

Json DesignJson(const Design& d) {
  Json changes = Json::array();
  for (const Change& c : d.changes) {
    changes.push_back({{"knob", c.knob}, {"from", c.from}, {"to", c.to}});
  }
  const Estimate& e = d.estimate;
  return {{"changes", changes},
          {"tokens_per_s_user", Value(e.tokens_per_s_user)},
          {"tokens_per_s_aggregate", Value(e.tokens_per_s_aggregate)},
          {"max_context", d.max_context},
          {"dies", d.dies},
          {"die_mm2", Value(e.die_mm2)},
          {"die_cost_usd", Value(e.die.usd)},
          {"card_power_w", Value(e.full_power_w)},
          {"card_cost_usd", Value(e.card.usd())},
          {"usd_per_m_tokens", Value(e.tokens.usd())},
          {"binds", d.binds}};
}

Json RequireJson(const Report& r) {
  const Answer& a = *r.required;
  Json json;
  for (const Wish& w : r.wishes) json["wishes"][QuantityKey(w.quantity)] = w.value;
  json["met"] = a.smallest || a.with_clock || a.with_dies;
  if (a.smallest) {
    json["smallest_change"] = DesignJson(*a.smallest);
  } else {
    json["limit"] = a.limit;
    json["nearest"] = DesignJson(a.nearest);
  }
  if (a.with_clock) json["with_clock"] = DesignJson(*a.with_clock);
  if (a.with_dies) json["with_dies"] = DesignJson(*a.with_dies);
  json["tried"] = a.tried;
  json["complete"] = a.complete;
  return json;
}

void AddSystems(const Report& r, Json& json) {
  json["comparison"] = Json::array();
  for (const System& s : r.systems) {
    Json system = {{"name", s.name}, {"model", s.model}};
    auto add = [&](const char* key, const std::optional<Figure>& f) {
      if (f) system[key] = {{"value", f->value}, {"grade", f->grade}, {"source", f->source}};
    };
    add("tokens_per_s_user", s.tokens_per_s_user);
    add("tokens_per_s_best", s.tokens_per_s_best);
    add("joule_per_token", s.joule_per_token);
    add("usd_per_m_tokens", s.usd_per_m_tokens);
    add("rent_usd_per_hour", s.rent_usd_per_hour);
    json["comparison"].push_back(std::move(system));
  }
  json["break_even"] = Json::array();
  for (const BreakEven& b : r.break_evens) {
    Json useful = Json::array();
    for (const auto& u : b.useful) {
      useful.push_back({{"months", u.months},
                        {"cards_respin", Value(u.cards_respin)},
                        {"cards_first", Value(u.cards_first)}});
    }
    json["break_even"].push_back({{"against", b.against},
                                  {"rented_usd_per_m_tokens", Value(b.rented_usd_per_m)},
                                  {"respin_tokens", Value(b.respin_tokens)},
                                  {"first_tokens", Value(b.first_tokens)},
                                  {"respin_months_of_server", Value(b.respin_months_of_server)},
                                  {"useful", useful}});
  }
}

// The same die by the other models, every defect fatal.
Json YieldModels(const ChipModel& m) {
  const Point p = m.constants().Nominal();
  const double mm2 = m.nominal().die_mm2, defects = p[Param::kDefects];
  return {{"poisson", Value(PoissonYield(mm2, defects))},
          {"murphy", Value(MurphyYield(mm2, defects))},
          {"seeds", Value(SeedsYield(mm2, defects))},
          {"negative_binomial", Value(NegativeBinomialYield(mm2, defects, p[Param::kClustering]))}};
}

void AddMoney(const ChipModel& m, Json& json) {
  const Estimate& e = m.nominal();
  json["yield"] = Value(e.die.yield);
  json["yield_models"] = YieldModels(m);
  json["gross_dies"] = e.die.gross;
  json["good_dies"] = e.die.good;
  json["die_cost_usd"] = Value(e.die.usd);
  json["card_cost_usd"] = Value(e.card.usd());
  json["server_cost_usd"] = Value(e.server.usd());
  json["server_power_w"] = Value(e.server.power_w);
  json["usd_per_m_tokens"] = Value(e.tokens.usd());
  json["nre"] = {{"first_usd", Value(e.model.first)},
                 {"first_weeks", Value(e.model.first_weeks)},
                 {"respin_usd", Value(e.model.respin)},
                 {"respin_weeks", Value(e.model.respin_weeks)}};
}

void AddSpeed(const Report& r, Json& json) {
  const ChipModel& m = r.model;
  const Estimate& e = m.nominal();
  json["tokens_per_s_user"] = BandJson(m, [](const Estimate& x) { return x.tokens_per_s_user; });
  json["tokens_per_s_aggregate"] = Value(e.tokens_per_s_aggregate);
  json["users"] = e.users;
  json["users_limited_by"] = UserLimitName(e.user_limit);
  json["first_token_s"] = Value(e.first_token_s);
  json["first_token_serial_s"] = Value(e.first_token_serial_s);
  json["cycles_per_token"] = m.schedule().cycles;
}

void AddBreakdowns(const Report& r, Json& json) {
  const Estimate& e = r.model.nominal();
  for (const AreaBlock& b : e.area) {
    json["area_by_block"][b.name] = {{"mm2", Value(b.mm2)}, {"transistors", Value(b.transistors)}};
  }
  for (const PowerItem& p : e.power) json["power_by_event"][p.name] = Value(p.watt);
  for (const StageCycles& s : StagesOf(r.model)) json["cycles_by_stage"][s.name] = s.cycles;
  for (const StageCycles& s : NamedCauses(r.model)) json["cycles_by_cause"][s.name] = s.cycles;
  json["sensitivities"] = {
      {"tokens_per_s_user",
       MovesJson(r.model, [](const Estimate& x) { return x.tokens_per_s_user; })},
      {"die_mm2", MovesJson(r.model, [](const Estimate& x) { return x.die_mm2; })},
      {"power_w", MovesJson(r.model, [](const Estimate& x) { return x.power_w; })},
      {"usd_per_m_tokens", MovesJson(r.model, [](const Estimate& x) { return x.tokens.usd(); })}};
}

}  // namespace

Json ReportJson(const Report& r) {
  const ChipModel& m = r.model;
  const PlacedFabric& f = m.fabric();
  const Estimate& e = m.nominal();
  Json json = {{"chip", f.chip.name}, {"model", f.plan.name}};
  if (f.plan.weights != nullptr) json["digest"] = ToHex(f.plan.weights->digest);
  json["process"] = m.constants().tech.name;
  json["weights"] = f.plan.config.WeightCount();
  json["bits_per_weight"] = Value(BitsPerWeight(f));
  json["dies"] = f.dies;
  json["context"] = m.workload().context;
  json["prompt"] = m.workload().prompt;
  AddSpeed(r, json);
  json["area_mm2"] = BandJson(m, [](const Estimate& x) { return x.area_mm2; });
  json["die_mm2"] = BandJson(m, [](const Estimate& x) { return x.die_mm2; });
  json["die_sides_mm"] = {Value(e.die_width_mm), Value(e.die_height_mm)};
  json["transistors"] = Value(e.transistors);
  json["power_w"] = BandJson(m, [](const Estimate& x) { return x.power_w; });
  json["system_factor"] = m.constants()[Param::kSystemFactor].nominal;
  json["card_power_w"] = BandJson(m, [](const Estimate& x) { return x.card_power_w; });
  json["card_power_all_users_w"] = Value(e.full_power_w);
  json["watt_per_mm2"] = Value(e.watt_per_mm2);
  json["energy_per_token_j"] = Value(e.energy_per_token_j);
  json["card_energy_per_token_j"] = Value(e.card_energy_per_token_j);
  AddMoney(m, json);
  json["max_context"] = f.max_context;
  json["binds"] = r.binding.limit;
  json["binds_reason"] = r.binding.reason;
  json["binds_change"] = r.binding.change;
  AddBreakdowns(r, json);
  AddSystems(r, json);
  for (const Finding& a : r.answers) json["answers"][a.question] = a.answer;
  if (r.required) json["require"] = RequireJson(r);
  return json;
}

}  // namespace burin
