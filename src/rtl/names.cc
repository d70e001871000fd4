#include "rtl/names.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

namespace burin {
namespace {

// IEEE 1800-2017, annex B: the words that a model's tensor or file name might well be, and all
// short ones.
constexpr std::array kKeywords = {
    "accept_on",   "alias",     "always",      "always_comb", "always_ff", "always_latch",
    "and",         "assert",    "assign",      "assume",      "automatic", "before",
    "begin",       "bind",      "bins",        "bit",         "break",     "buf",
    "byte",        "case",      "casex",       "casez",       "cell",      "chandle",
    "checker",     "class",     "clocking",    "config",      "const",     "constraint",
    "context",     "continue",  "cover",       "cross",       "deassign",  "default",
    "defparam",    "design",    "disable",     "dist",        "do",        "edge",
    "else",        "end",       "endcase",     "endmodule",   "enum",      "event",
    "eventually",  "expect",    "export",      "extends",     "extern",    "final",
    "first_match", "for",       "force",       "foreach",     "forever",   "fork",
    "function",    "generate",  "genvar",      "global",      "if",        "iff",
    "implies",     "import",    "include",     "initial",     "inout",     "input",
    "inside",      "instance",  "int",         "integer",     "interface", "intersect",
    "join",        "let",       "liblist",     "library",     "local",     "localparam",
    "logic",       "longint",   "macromodule", "matches",     "medium",    "modport",
    "module",      "nand",      "negedge",     "new",         "nexttime",  "nmos",
    "nor",         "not",       "null",        "or",          "output",    "package",
    "packed",      "parameter", "pmos",        "posedge",     "primitive", "priority",
    "program",     "property",  "protected",   "pull0",       "pure",      "rand",
    "randc",       "real",      "ref",         "reg",         "reject_on", "release",
    "repeat",      "restrict",  "return",      "scalared",    "sequence",  "shortint",
    "signed",      "small",     "soft",        "solve",       "specify",   "static",
    "string",      "strong",    "struct",      "super",       "supply0",   "table",
    "tagged",      "task",      "this",        "throughout",  "time",      "tran",
    "tri",         "type",      "typedef",     "union",       "unique",    "unsigned",
    "until",       "untyped",   "use",         "uwire",       "var",       "vectored",
    "virtual",     "void",      "wait",        "wand",        "weak",      "while",
    "wildcard",    "wire",      "with",        "within",      "wor",       "xnor",
    "xor"};

bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }

}  // namespace

std::string LegalName(std::string_view text) {
  std::string name;
  for (const char c : text) {
    const char legal = IsLetter(c) || IsDigit(c) ? c : '_';
    if (legal == '_' && (name.empty() || name.back() == '_')) continue;
    name += legal;
  }
  while (!name.empty() && name.back() == '_') name.pop_back();
  if (name.empty() || IsDigit(name.front())) name = "n" + name;
  if (std::find(kKeywords.begin(), kKeywords.end(), name) != kKeywords.end()) name += "_x";
  return name;
}

std::string NameScope::Unique(std::string_view text) {
  const std::string name = LegalName(text);
  std::string candidate = name;
  for (int i = 2; !taken_.insert(candidate).second; ++i) candidate = fmt::format("{}_{}", name, i);
  return candidate;
}

}  // namespace burin
